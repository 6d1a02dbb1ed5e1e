"""The wire below a logged-in connection: commands out, several at once, and one reply in for each."""

import asyncio
from collections import deque
from functools import lru_cache

from aiosmtplib import SMTPResponseException, SMTPServerDisconnected
from typing_extensions import override

from actors.alarms import Alarm
from actors.smtp_answers import reply_of
from domain.replies import Reply

# As much as aiosmtplib reads of one reply, while it has the connection.
_LONGEST_LINE = 8_192
_LONGEST_REPLY = 4 * _LONGEST_LINE
_NO_REPLY = -1
# Of what is kept to be known again.
_SHORT = 512


class Wire(asyncio.Protocol):
    """
    Takes over a transport when aiosmtplib has greeted and logged in: that reads one reply per command, and
    drops what comes with it. Belongs to one event loop.
    """

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self._alarm = Alarm(self._ring)
        self._awaited = 0
        self._replies: deque[Reply] = deque()
        # The lines so far of a reply that is not complete, and the line that is not.
        self._lines: list[bytes] = []
        self._buffer = b""
        self._fault: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        return self._fault is None and not self.transport.is_closing()

    @property
    def awaited(self) -> int:
        """Replies that were asked for and not taken yet."""
        return self._awaited

    @property
    def has_said_more(self) -> bool:
        """Whether there are more replies than were asked for: one of them would answer what comes next."""
        return len(self._replies) > self._awaited or (not self._awaited and bool(self._lines or self._buffer))

    def say(self, *commands: bytes) -> None:
        """
        Write *commands*, without their line ends, in one go; each is to be answered.

        Raises:
            SMTPServerDisconnected: The connection is lost.
        """
        self.write(b"".join([command + b"\r\n" for command in commands]))
        self.expect(len(commands))

    def expect(self, replies: int) -> None:
        self._awaited += replies

    def write(self, data: bytes) -> None:
        """
        Raises:
            SMTPServerDisconnected: The connection is lost.
        """
        if not self.is_open:
            raise self._fault or SMTPServerDisconnected("Connection lost")
        self.transport.write(data)

    @property
    def is_full(self) -> bool:
        """Whether what was written should be on its way before more is."""
        return self._writable is not None

    async def drain(self, *, until: float) -> None:
        """
        Wait until what was written is on its way.

        Raises:
            TimeoutError: It was not at *until*, by the loop's clock.
            SMTPServerDisconnected: The connection is lost.
        """
        if self._writable is not None:
            async with asyncio.timeout_at(until):
                await self._writable
        if not self.is_open:
            raise self._fault or SMTPServerDisconnected("Connection lost")

    async def reply(self, *, until: float) -> Reply:
        """
        The next reply, in the order of the commands.

        Raises:
            TimeoutError: It did not come before *until*, by the loop's clock.
            SMTPServerDisconnected: The connection is lost.
            SMTPResponseException: What came is no reply, or has no end.
        """
        while (reply := self.reply_now()) is None:
            if self._fault is not None:
                raise self._fault
            self._waiter = self._loop.create_future()
            self._alarm.set(until)
            try:
                await self._waiter
            finally:
                self._alarm.stop()
                self._waiter = None
        return reply

    def reply_now(self) -> Reply | None:
        """The next reply if it is there already."""
        if not self._replies:
            return None
        self._awaited -= 1
        return self._replies.popleft()

    def reply_so_far(self) -> Reply | None:
        """
        The next reply if it is there already, which :meth:`reply` would answer at once; it is not taken.

        Raises:
            SMTPServerDisconnected: None will come: the connection is lost.
            SMTPResponseException: What came is no reply, or has no end.
        """
        if self._replies:
            return self._replies[0]
        if self._fault is not None:
            raise self._fault
        return None

    @override
    def data_received(self, data: bytes) -> None:
        if self._fault is not None:
            return
        is_first = not self._buffer and not self._lines
        if is_first and len(data) <= _SHORT and (replies := _whole(data)):
            self._replies.extend(replies)
            self._wake()
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._buffer) > _LONGEST_LINE:
            self._end(SMTPResponseException(_NO_REPLY, "Response too long"))
        if self._replies:
            self._wake()

    @override
    def eof_received(self) -> bool:
        self._end(SMTPServerDisconnected("Unexpected EOF received"))
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        lost = SMTPServerDisconnected("Connection lost")
        lost.__cause__ = exc
        self._end(lost)

    @override
    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    @override
    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _take(self, line: bytes) -> None:
        """Keep one line of a reply, and the whole when it is the last."""
        if self._fault is not None:
            return
        self._lines.append(line)
        if len(line) > _LONGEST_LINE or sum(map(len, self._lines)) > _LONGEST_REPLY:
            self._end(SMTPResponseException(_NO_REPLY, "Response too long"))
        elif not line[:3].isdigit():
            self._end(SMTPResponseException(_NO_REPLY, "Malformed SMTP response line"))
        elif line[3:4] != b"-":
            self._replies.append(_reply(*self._lines))
            self._lines = []

    def _end(self, fault: Exception) -> None:
        """Nothing more is read; what was complete before can still be taken."""
        if self._fault is None:
            self._fault = fault
            self._lines, self._buffer = [], b""
        self._wake()
        self._alarm.discard()
        self.resume_writing()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _ring(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())


# A server says the same to every envelope, and mostly in one go.
@lru_cache(maxsize=256)
def _whole(data: bytes) -> tuple[Reply, ...]:
    """The replies in *data* if it is nothing but whole ones, of a line each; else none."""
    *lines, rest = data.split(b"\n")
    is_plain = not rest and all(line[:3].isdigit() and line[3:4] == b" " for line in lines)
    return tuple(_reply(line) for line in lines) if is_plain else ()


def _reply(*lines: bytes) -> Reply:
    text = b"\n".join([line[4:].strip(b" \t\r\n") for line in lines])
    return reply_of(int(lines[-1][:3]), text.decode("utf-8", "surrogateescape"))
