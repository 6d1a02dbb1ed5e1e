"""Identifiers that sort by the time they were made (UUID version 7, RFC 9562 §5.7)."""

import os
import struct
import time
from collections.abc import Iterator
from uuid import UUID

_HALVES = struct.Struct(">QQ")
_VERSION_7 = 0x7000
_VARIANT = 0b10 << 62
_last = 0


def uuid7() -> UUID:
    """
    Make a UUIDv7; within one process each is greater than the one before.

    Made here and not by the server because PostgreSQL learned ``uuidv7()`` only in version 18.
    The 12 bits after the version carry the sub-millisecond fraction (RFC 9562 §6.2, method 3).
    """
    (made,) = uuid7s(1)
    return UUID(bytes=made)


def uuid7s(count: int) -> Iterator[bytes]:
    """*count* of them at once, each greater than the one before, as the 16 bytes that PostgreSQL stores."""
    global _last
    first = max((time.time_ns() << 12) // 1_000_000, _last + 1)
    _last = first + count - 1
    tails = struct.unpack(f">{count}Q", os.urandom(8 * count))
    for ticks, tail in enumerate(tails, first):
        milliseconds, fraction = ticks >> 12 & 0xFFFF_FFFF_FFFF, ticks & 0xFFF
        yield _HALVES.pack(milliseconds << 16 | _VERSION_7 | fraction, _VARIANT | tail >> 2)
