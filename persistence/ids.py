"""Identifiers that sort by the time they were made (UUID version 7, RFC 9562 §5.7)."""

import os
import time
from uuid import UUID

_last = 0


def uuid7() -> UUID:
    """
    Make a UUIDv7; within one process each is greater than the one before.

    Made here and not by the server because PostgreSQL learned ``uuidv7()`` only in version 18.
    The 12 bits after the version carry the sub-millisecond fraction (RFC 9562 §6.2, method 3).
    """
    global _last
    ticks = (time.time_ns() << 12) // 1_000_000
    _last = ticks = max(ticks, _last + 1)
    milliseconds, fraction = ticks >> 12, ticks & 0xFFF
    tail = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(
        int=(milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7000 << 64 | fraction << 64 | 0b10 << 62 | tail
    )
