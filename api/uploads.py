"""Uploads: the body of a request as a file that a thread reads, while its client still sends."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from starlette.requests import ClientDisconnect
from typing_extensions import Buffer, override

# Of silence, before a client counts as gone.
SILENCE_S = 60.0
# Of all of it: slow clients would keep others from their turn.
LONGEST_S = 1_800.0
# How many are read at the same time in one process. They have threads of their own, which wait for clients.
AT_ONCE = 4
_LONGEST_LINE = 1024 * 1024
_READERS = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload")
_Read = TypeVar("_Read")


async def in_thread(read: Callable[[], _Read]) -> _Read:
    """What *read* answers, which waits for an upload."""
    return await asyncio.get_running_loop().run_in_executor(_READERS, read)


async def drained(file: "Upload") -> None:
    """Read *file* to its end, and keep nothing of it."""

    def read() -> None:
        while file.read(io.DEFAULT_BUFFER_SIZE):
            pass

    await in_thread(read)


class UploadEnded(Exception):
    """The file cannot be read to its end, for the reason that the message gives."""


class TooLarge(UploadEnded):
    """It has more bytes than are taken."""


class Upload(io.RawIOBase):
    """
    The bytes of *chunks*, which come on the event loop it is made on; read in a thread, never on the loop.

    Nothing is kept but the present chunk: a client that is faster than its reader waits.
    """

    def __init__(self, chunks: AsyncIterator[bytes], *, most: int, silence_s: float) -> None:
        self._chunks = chunks
        self._most = most
        self._silence_s = silence_s
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + LONGEST_S
        self._rest = b""
        self._digest = hashlib.sha256()
        self.bytes_read = 0

    def lines(self) -> Iterator[str]:
        """
        Its lines with their ends, as UTF-8, without a byte order mark.

        Raises:
            UploadEnded: It is not UTF-8, a line is too long, or the client is gone.
        """
        text = io.TextIOWrapper(io.BufferedReader(self), encoding="utf-8-sig", newline="")
        number = 0
        try:
            for line in iter(partial(text.readline, _LONGEST_LINE), ""):
                number += 1
                if len(line) == _LONGEST_LINE:
                    raise UploadEnded(f"Line {number} is longer than {_LONGEST_LINE} characters.")
                yield line
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            at = number + error.object.count(b"\n", 0, error.start) + 1
            found = f"In line {at} stands the byte 0x{byte:02x}, which is not UTF-8."
            raise UploadEnded(f"{found} Save the file as CSV in UTF-8.") from error

    def digest(self) -> str:
        """SHA-256 of what was read so far."""
        return self._digest.hexdigest()

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int:
        if not self._rest:
            self._rest = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            self._digest.update(self._rest)
        view = memoryview(buffer).cast("B")
        part = self._rest[: len(view)]
        view[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)

    async def _next(self) -> bytes:
        """The next chunk that holds anything; empty at the end."""
        chunk = b""
        if self._loop.time() > self._ends:
            raise UploadEnded(f"It took longer than {LONGEST_S:g} seconds.")
        try:
            async with asyncio.timeout(self._silence_s):
                while not chunk:
                    chunk = await anext(self._chunks)
        except StopAsyncIteration:
            return b""
        except ClientDisconnect:
            raise UploadEnded("The connection ended before the file did.") from None
        except TimeoutError:
            raise UploadEnded(f"Nothing came for {self._silence_s:g} seconds.") from None
        self.bytes_read += len(chunk)
        if self.bytes_read > self._most:
            raise TooLarge(f"The file has more than {self._most} bytes.")
        return chunk
