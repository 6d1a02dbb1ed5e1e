"""The SMTP conversation that hands over one email, stage by stage; the final dot is a step of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from aiosmtplib import SMTP, SMTPException, SMTPServerDisconnected
from aiosmtplib.response import SMTPResponse

from actors.smtp_answers import answer_of, reply_of, wording_of
from actors.smtp_lines import dot_stuffed, path_of
from domain.replies import Fault, Reply, Stage

# RFC 5321 §4.5.3.2: how long a client waits at each stage; what it does not name waits as long as MAIL.
DOT_S = 600.0
_PATIENCE_S = {Stage.DATA: 120.0, Stage.BODY: 180.0}
_OTHER_PATIENCE_S = 300.0

_SERVICE_CLOSING = 421
_START_INPUT = 354


@dataclass(frozen=True, slots=True)
class Withheld:
    """We sent no final dot, so the server has nothing to deliver."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """We were told to stop, and closed the connection; at `Stage.DOT`, without the reply to a dot."""


@dataclass(frozen=True, slots=True)
class Handover:
    """
    The stage at which the handing over of one email ended, and what ended it.

    Only a 2xx reply at `Stage.DOT` is an acceptance; what ended before `Stage.DOT` is provably undelivered.
    *detail* words a fault for people.
    """

    stage: Stage
    answer: Reply | Fault | Withheld | Interrupted
    detail: str = field(default="", compare=False)


class Progress:
    """The stage a conversation has reached: each has its patience, all together one deadline."""

    def __init__(self, stage: Stage, *, timeout_s: float) -> None:
        self.stage = stage
        self.clock = asyncio.timeout(timeout_s)
        self._deadline = asyncio.get_running_loop().time() + timeout_s

    def enter(self, stage: Stage) -> None:
        """Go on to *stage*; only inside `async with progress.clock`."""
        self.stage = stage
        patience = _PATIENCE_S.get(stage, _OTHER_PATIENCE_S)
        self.clock.reschedule(min(self._deadline, asyncio.get_running_loop().time() + patience))


class SmtpConnection:
    """An open, greeted and logged-in connection, which hands over one email after another."""

    def __init__(self, smtp: SMTP) -> None:
        self._smtp = smtp
        # A StreamWriter's drain() is the public way to wait for the network, and aiosmtplib's protocol is
        # made to serve it. Both attributes are set while connected, whatever their types say.
        transport = cast("asyncio.WriteTransport", smtp.transport)
        protocol = cast("asyncio.Protocol", smtp.protocol)
        self._writer = asyncio.StreamWriter(transport, protocol, None, asyncio.get_running_loop())
        self._reply: asyncio.Task[SMTPResponse] | None = None
        self.needs_reset = False
        self.last_used = asyncio.get_running_loop().time()

    @property
    def is_usable(self) -> bool:
        """Whether the socket still stands as far as we know, and the server is in step with us."""
        return self._smtp.is_connected and not self._has_said_more()

    async def deliver(
        self,
        sender: str,
        recipient: str,
        content: bytes,
        *,
        before_dot: Callable[[], Awaitable[bool]],
        timeout_s: float,
        dot_timeout_s: float = DOT_S,
    ) -> Handover:
        """
        Hand over *content* (7-bit, CRLF line ends, not dot-stuffed) between two bare addresses.

        When the body is written, *before_dot* decides: if it answers False or raises, the socket is closed
        without a dot. *timeout_s* covers MAIL to the end of the body; *before_dot* takes its own time; the
        reply to the dot may take *dot_timeout_s* (RFC 5321 §4.5.3.2.6).

        Raises:
            ValueError: If an address is not ASCII or could end its command line, or *content* is not 7-bit or
                has a bare CR or LF. Nothing was sent then.
        """
        paths = [path_of(sender), path_of(recipient)]
        body = dot_stuffed(content)
        if not self.is_usable:
            return Handover(Stage.MAIL, Fault.DROPPED)
        size = [b"SIZE=%d" % len(content)] if self._smtp.supports_extension("size") else []
        try:
            ended = await self._write_letter(paths, size, body, timeout_s=timeout_s)
            if ended is None and not await before_dot():
                self.close()
                ended = Handover(Stage.BODY, Withheld())
            return ended or await self._write_dot(timeout_s=dot_timeout_s)
        # Cancelled, or before_dot failed: nobody may end this letter any more.
        except BaseException:
            self.close()
            raise
        finally:
            self._stop_listening()
            self.last_used = asyncio.get_running_loop().time()

    async def reset(self, *, timeout_s: float = 10.0) -> bool:
        """Drop a half-finished envelope (RSET); False when the connection did not survive it."""
        self.needs_reset = not await self._is_answered_with_250(b"RSET", timeout_s=timeout_s)
        if self.needs_reset:
            self.close()
        return self.is_usable

    async def is_alive(self, *, timeout_s: float = 10.0) -> bool:
        """Whether the server still answers (NOOP)."""
        return await self._is_answered_with_250(b"NOOP", timeout_s=timeout_s)

    async def quit(self, *, timeout_s: float = 2.0) -> None:
        """Take leave (QUIT) and close; what goes wrong here undoes nothing that was accepted before."""
        try:
            with suppress(SMTPException, OSError):
                async with asyncio.timeout(timeout_s):
                    await self._smtp.execute_command(b"QUIT")
        finally:
            self.close()

    def close(self) -> None:
        """Close the socket at once. What was not yet sent is dropped, so no dot can leave late."""
        self._writer.transport.abort()
        self._smtp.close()

    async def _write_letter(
        self, paths: list[bytes], size: list[bytes], body: bytes, *, timeout_s: float
    ) -> Handover | None:
        """MAIL, RCPT, DATA and the body; None when the server waits for the dot."""
        sender, recipient = paths
        progress = Progress(Stage.MAIL, timeout_s=timeout_s)
        try:
            async with progress.clock:
                for stage, command, wanted in (
                    (Stage.MAIL, [b"MAIL", b"FROM:" + sender, *size], range(200, 300)),
                    (Stage.RCPT, [b"RCPT", b"TO:" + recipient], range(200, 300)),
                    (Stage.DATA, [b"DATA"], range(_START_INPUT, _START_INPUT + 1)),
                ):
                    progress.enter(stage)
                    response = await self._smtp.execute_command(*command)
                    if response.code not in wanted or self._has_said_more():
                        return self._refused(stage, response)
                    self.needs_reset = True
                progress.enter(Stage.BODY)
                self._listen()
                await self._write(body)
        except (SMTPException, OSError) as lost:
            early = self._early_end()
            self.close()
            return early or Handover(progress.stage, answer_of(lost), wording_of(lost))
        return self._early_end()

    def _has_said_more(self) -> bool:
        """Whether a reply came with another one behind it, which would pass for the reply to the dot."""
        return bool(self._smtp.protocol and self._smtp.protocol._buffer)

    def _listen(self) -> None:
        """Await the next reply from now on: some servers refuse a letter before they have all of it."""
        if self._smtp.protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        self._reply = asyncio.create_task(self._smtp.protocol.read_response())
        # If nobody asks for it any more, asyncio shall not complain of that.
        self._reply.add_done_callback(lambda reply: reply.cancelled() or reply.exception())

    def _stop_listening(self) -> None:
        if self._reply is not None:
            self._reply.cancel()
            self._reply = None

    def _early_end(self) -> Handover | None:
        """What ended the letter before its dot, if something did: without a dot, nothing can go on."""
        if self._reply is None or not self._reply.done():
            return None
        self.close()
        try:
            response = self._reply.result()
        except (SMTPException, OSError) as lost:
            return Handover(Stage.BODY, answer_of(lost), wording_of(lost))
        return Handover(Stage.BODY, reply_of(response.code, response.message))

    async def _write(self, body: bytes) -> None:
        protocol = self._smtp.protocol
        if protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        protocol.write(body)
        await self._writer.drain()
        if not protocol.is_connected:
            raise SMTPServerDisconnected("Connection lost")

    async def _write_dot(self, *, timeout_s: float) -> Handover:
        if early := self._early_end():
            return early
        protocol, reply = self._smtp.protocol, self._reply
        if protocol is None or reply is None or not protocol.is_connected:
            return Handover(Stage.BODY, Fault.DROPPED)
        protocol.write(b".\r\n")
        try:
            async with asyncio.timeout(timeout_s):
                response = await reply
        except (SMTPException, OSError) as lost:
            self.close()
            return Handover(Stage.DOT, answer_of(lost), wording_of(lost))
        if response.code // 100 == 2:
            self.needs_reset = False
            return Handover(Stage.DOT, reply_of(response.code, response.message))
        return self._refused(Stage.DOT, response)

    def _refused(self, stage: Stage, response: SMTPResponse) -> Handover:
        """A reply other than the one wanted; after one that refuses nothing we are out of step."""
        if response.code == _SERVICE_CLOSING or not 400 <= response.code < 600:
            self.close()
        return Handover(stage, reply_of(response.code, response.message))

    async def _is_answered_with_250(self, command: bytes, *, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._smtp.execute_command(command)
        except (SMTPException, OSError):
            self.close()
            return False
        return response.code == 250
