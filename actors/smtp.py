"""The SMTP conversation that hands over one email, stage by stage; the final dot is a step of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from aiosmtplib import SMTP, SMTPException

from actors.smtp_answers import answer_of, wording_of
from actors.smtp_lines import dot_stuffed, path_of
from actors.smtp_wire import Wire
from domain.replies import Fault, Reply, Stage

# RFC 5321 §4.5.3.2: how long a client waits at each stage; what it does not name waits as long as MAIL.
DOT_S = 600.0
_PATIENCE_S = {Stage.DATA: 120.0, Stage.BODY: 180.0}
_OTHER_PATIENCE_S = 300.0

# For the replies behind one that refused the letter already.
_HEAR_OUT_S = 5.0
_ENVELOPE = (Stage.MAIL, Stage.RCPT, Stage.DATA)

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
    """The stage that a conversation has reached: each has its patience, all together one deadline."""

    def __init__(self, stage: Stage, *, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + timeout_s
        self.stage = stage

    @property
    def until(self) -> float:
        """When the stage ends, by the loop's clock, if it is entered now."""
        return min(self._deadline, self._loop.time() + _PATIENCE_S.get(self.stage, _OTHER_PATIENCE_S))


class SmtpConnection:
    """An open, greeted and logged-in connection, which hands over one email after another."""

    def __init__(self, smtp: SMTP) -> None:
        self._smtp = smtp
        # Set while connected, whatever its type says.
        self._wire = Wire(cast("asyncio.WriteTransport", smtp.transport))
        self._loop = asyncio.get_running_loop()
        self._takes_size = smtp.supports_extension("size")
        self._pipelines = smtp.supports_extension("pipelining")
        self.needs_reset = False
        self.last_used = self._loop.time()

    @property
    def is_usable(self) -> bool:
        """Whether the socket still stands as far as we know, and the server is in step with us."""
        return self._wire.is_open and not self._wire.has_said_more

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
        size = b" SIZE=%d" % len(content) if self._takes_size else b""
        envelope = (b"MAIL FROM:" + path_of(sender) + size, b"RCPT TO:" + path_of(recipient), b"DATA")
        body = dot_stuffed(content)
        if not self.is_usable:
            return Handover(Stage.MAIL, Fault.DROPPED)
        try:
            ended = await self._write_letter(envelope, body, Progress(Stage.MAIL, timeout_s=timeout_s))
            if ended is None and not await before_dot():
                self.close()
                ended = Handover(Stage.BODY, Withheld())
            return ended or await self._write_dot(timeout_s=dot_timeout_s)
        # Cancelled, or before_dot failed: nobody may end this letter any more.
        except BaseException:
            self.close()
            raise
        finally:
            self.last_used = self._loop.time()

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
                self._wire.say(b"QUIT")
                await self._wire.reply(until=self._loop.time() + timeout_s)
        finally:
            self.close()

    def close(self) -> None:
        """Close the socket at once. What was not yet sent is dropped, so no dot can leave late."""
        self._wire.transport.abort()
        self._smtp.close()

    async def _write_letter(
        self, envelope: Sequence[bytes], body: bytes, progress: Progress
    ) -> Handover | None:
        """MAIL, RCPT, DATA and the body; None when the server waits for the dot."""
        wire = self._wire
        try:
            if self._pipelines:
                # RFC 2920: all at once, and the replies in their order.
                wire.say(*envelope)
            for stage, command in zip(_ENVELOPE, envelope, strict=True):
                progress.stage = stage
                if not self._pipelines:
                    wire.say(command)
                reply = wire.reply_now() or await wire.reply(until=progress.until)
                is_wanted = reply.code == _START_INPUT if stage is Stage.DATA else reply.code // 100 == 2
                if not is_wanted or wire.has_said_more:
                    refused = self._refused(stage, reply)
                    await self._hear_out(stage)
                    return refused
                self.needs_reset = True
            progress.stage = Stage.BODY
            # From now on, as some servers refuse a letter before they have all of it.
            wire.expect(1)
            wire.write(body)
            if wire.is_full:
                await wire.drain(until=progress.until)
        except (SMTPException, OSError) as lost:
            early = self._early_end() if progress.stage is Stage.BODY else None
            self.close()
            return early or Handover(progress.stage, answer_of(lost), wording_of(lost))
        return self._early_end()

    async def _hear_out(self, stage: Stage) -> None:
        """
        Take the replies to what was written behind a refused *stage*. None of them delivers anything.

        A server that wants a letter without a recipient gets a lone dot for it (RFC 2920 §3.1). One that
        wants it without a sender may have a recipient, and is left.
        """
        unanswered = self._wire.awaited
        if not unanswered or not self.is_usable:
            return
        self.needs_reset = True
        until = self._loop.time() + _HEAR_OUT_S
        try:
            *_, reply = [await self._wire.reply(until=until) for _ in range(unanswered)]
            if reply.code == _START_INPUT and stage is Stage.RCPT:
                self._wire.say(b".")
                reply = await self._wire.reply(until=until)
        except (SMTPException, OSError):
            self.close()
            return
        if reply.code == _SERVICE_CLOSING or reply.code // 100 == 3 or not self.is_usable:
            self.close()

    def _early_end(self) -> Handover | None:
        """What ended the letter before its dot, if something did: without a dot, nothing can go on."""
        try:
            reply = self._wire.reply_so_far()
        except (SMTPException, OSError) as lost:
            self.close()
            return Handover(Stage.BODY, answer_of(lost), wording_of(lost))
        if reply is None:
            return None
        self.close()
        return Handover(Stage.BODY, reply)

    async def _write_dot(self, *, timeout_s: float) -> Handover:
        if early := self._early_end():
            return early
        if not self._wire.is_open:
            return Handover(Stage.BODY, Fault.DROPPED)
        self._wire.write(b".\r\n")
        try:
            reply = await self._wire.reply(until=self._loop.time() + timeout_s)
        except (SMTPException, OSError) as lost:
            self.close()
            return Handover(Stage.DOT, answer_of(lost), wording_of(lost))
        if reply.code // 100 == 2:
            self.needs_reset = False
            return Handover(Stage.DOT, reply)
        return self._refused(Stage.DOT, reply)

    def _refused(self, stage: Stage, reply: Reply) -> Handover:
        """A reply other than the one wanted; after one that refuses nothing we are out of step."""
        if reply.code == _SERVICE_CLOSING or not 400 <= reply.code < 600:
            self.close()
        return Handover(stage, reply)

    async def _is_answered_with_250(self, command: bytes, *, timeout_s: float) -> bool:
        try:
            self._wire.say(command)
            reply = await self._wire.reply(until=self._loop.time() + timeout_s)
        except (SMTPException, OSError):
            self.close()
            return False
        return reply.code == 250
