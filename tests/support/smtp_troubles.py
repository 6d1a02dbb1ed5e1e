"""What an SMTP server does in place of a proper reply, or how else it may word one."""

import asyncio
import socket
import struct
from collections.abc import Iterable
from enum import Enum, auto
from itertools import chain, repeat


class Trouble(Enum):
    """What the server does in place of a reply."""

    DROP = auto()
    """Close the connection."""
    RESET = auto()
    """Tear the connection down (RST)."""
    HANG = auto()
    """Neither answer nor read any more."""
    DRIBBLE = auto()
    """Write a reply that never ends, a byte now and then."""
    ENDLESS = auto()
    """Write a reply that has no last line, as fast as it is read."""
    TOO_LONG = auto()
    """Answer in one line of 100,000 characters."""
    GARBAGE = auto()
    """Answer with a line that is no reply."""


class Manner(Enum):
    """How a server may word what it would answer anyway; a client has to bear it."""

    SLOW = auto()
    """Byte by byte."""
    WORDY = auto()
    """In lines longer than the 512 octets of RFC 5321 §4.5.3.1.5."""


Answer = str | Trouble | Manner


async def give(writer: asyncio.StreamWriter, answer: Answer, default: str) -> bool:
    """Write *answer*, or *default* in another manner; whether it was a consent."""
    match answer:
        case Trouble():
            await _misbehave(writer, answer)
            return False
        case Manner.SLOW:
            await _dribble(writer, f"{default}\r\n".encode() if default else b"", every_s=0.001)
        case Manner.WORDY:
            lines = default.split("\r\n") if default else []
            await say(writer, "\r\n".join(f"{line} {600 * 'a'}" for line in lines))
        case _:
            await say(writer, answer)
    worded = answer if isinstance(answer, str) else default
    return worded[:1] in ("2", "3")


async def say(writer: asyncio.StreamWriter, lines: str) -> None:
    """Write *lines*, parted by CRLF; nothing if there are none."""
    if lines:
        writer.write(lines.encode() + b"\r\n")
        await writer.drain()


async def _misbehave(writer: asyncio.StreamWriter, trouble: Trouble) -> None:
    match trouble:
        case Trouble.DROP:
            raise EOFError
        case Trouble.RESET:
            # Closed without lingering, a socket says RST instead of FIN.
            at_once = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            raise EOFError
        case Trouble.HANG:
            await asyncio.Event().wait()
        case Trouble.DRIBBLE:
            await _dribble(writer, chain(b"250-", repeat(ord("a"))), every_s=0.02)
        case Trouble.ENDLESS:
            while True:
                await say(writer, f"250-{1000 * 'a'}")
                # drain() does not yield to a lost TLS connection, which then never learns that it is lost.
                await asyncio.sleep(0)
        case Trouble.TOO_LONG:
            await say(writer, f"250 {100_000 * 'a'}")
        case Trouble.GARBAGE:
            await say(writer, "good day")


async def _dribble(writer: asyncio.StreamWriter, reply: Iterable[int], *, every_s: float) -> None:
    for byte in reply:
        await asyncio.sleep(every_s)
        writer.write(bytes([byte]))
        await writer.drain()
