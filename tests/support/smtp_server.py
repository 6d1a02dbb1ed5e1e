"""A small SMTP server that answers, or misbehaves, as a test tells it to at any stage."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from domain.replies import Stage
from tests.support.smtp_troubles import Answer, Manner, Trouble, give, say

__all__ = ["HANDSHAKE", "Answer", "Letter", "Manner", "ScriptedSmtpServer", "Trouble"]


HANDSHAKE = "HANDSHAKE"
"""What follows the 220 to STARTTLS, which for a server is a stage of its own."""


@dataclass(frozen=True)
class Letter:
    """What came with a final dot, as it was before dot-stuffing, whatever it was answered."""

    sender: str
    recipient: str
    content: bytes


class ScriptedSmtpServer:
    """
    Listens on 127.0.0.1 inside `async with`. *answers* are kept by stage, for RSET, NOOP and QUIT by verb.
    *tls_context* makes it offer STARTTLS, or speak TLS from the first byte if *is_implicit*. Without a
    *password* every login succeeds.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer] | None = None,
        *,
        tls_context: ssl.SSLContext | None = None,
        is_implicit: bool = False,
        password: str | None = None,
        mechanisms: str = "PLAIN LOGIN",
    ) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        """What to answer at a stage, each time."""
        self.next_answers: dict[str, list[Answer]] = {}
        """What to answer at a stage the next times, before *answers* hold again."""
        self.tls_context = tls_context
        self.is_implicit = is_implicit
        self.password = password
        self.mechanisms = mechanisms
        self.access_tokens: set[str] = set()
        """Those that a login by XOAUTH2 may show."""
        self.letters: list[Letter] = []
        self.accepted: list[Letter] = []
        """Those that were not refused, noted before anything is answered."""
        self.commands: list[str] = []
        self.connections = 0
        self.most_open = 0
        self.port = 0
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        tls_context = self.tls_context if self.is_implicit else None
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls_context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        sessions = list(self._open)
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)
        await self._server.wait_closed()

    def verbs(self) -> list[str]:
        return [command.split()[0].upper() for command in self.commands]

    async def hang_up(self) -> None:
        """Close every connection, as a server does that finds them idle, and wait until that is done."""
        sessions = list(self._open)
        for writer in self._open.values():
            writer.close()
        await asyncio.gather(*sessions, return_exceptions=True)

    async def all_gone(self) -> None:
        """Wait until the last connection has ended."""
        while self._open:
            await asyncio.wait(list(self._open))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        assert session is not None
        self._open[session] = writer
        self.connections += 1
        self.most_open = max(self.most_open, len(self._open))
        # Cancelling, too, ends a session quietly: asyncio reports a cancelled one as an error.
        with suppress(OSError, EOFError, asyncio.CancelledError):
            await _Session(self, reader, writer).run()
        del self._open[session]
        writer.transport.abort()


class _Session:
    def __init__(
        self, server: ScriptedSmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.is_encrypted = server.is_implicit
        self.sender = ""
        self.recipient = ""

    async def run(self) -> None:
        await self._answer(Stage.CONNECT, "220 scripted.test ESMTP")
        async for verb, argument in self._commands():
            match verb:
                case "EHLO":
                    await self._answer(Stage.EHLO, self._extensions())
                case "STARTTLS":
                    await self._start_tls()
                case "AUTH":
                    await self._answer(Stage.AUTH, await self._judge_login(argument))
                case "MAIL":
                    await self._begin_envelope(_path(argument))
                case "RCPT":
                    self.recipient = _path(argument)
                    await self._answer(Stage.RCPT, "250 2.1.5 ok")
                case "DATA":
                    await self._read_letter()
                case "RSET" | "NOOP":
                    self.sender = "" if verb == "RSET" else self.sender
                    await self._answer(verb, "250 2.0.0 ok")
                case "QUIT":
                    await self._answer(verb, "221 2.0.0 bye")
                case _:
                    await say(self.writer, "502 5.5.1 unknown")

    async def _commands(self) -> AsyncIterator[tuple[str, str]]:
        while line := (await self.reader.readline()).decode().rstrip("\r\n"):
            self.server.commands.append(line)
            verb, _, argument = line.partition(" ")
            yield verb.upper(), argument

    def _extensions(self) -> str:
        offers = ["scripted.test", "SIZE 1000000"]
        if self.server.tls_context and not self.is_encrypted:
            offers.append("STARTTLS")
        if self.server.mechanisms:
            offers.append(f"AUTH {self.server.mechanisms}")
        return "\r\n".join([*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"])

    async def _start_tls(self) -> None:
        if await self._answer(Stage.STARTTLS, "220 2.0.0 go") and self.server.tls_context:
            disturbance = self.server.answers.get(HANDSHAKE)
            if isinstance(disturbance, str | Trouble):
                # What comes in one packet with the 220, clients throw away (RFC 3207 §6).
                await asyncio.sleep(0.05)
                await give(self.writer, disturbance, "")
            await self.writer.start_tls(self.server.tls_context)
            self.is_encrypted = True

    async def _judge_login(self, argument: str) -> str:
        mechanism, _, initial = argument.partition(" ")
        if mechanism == "XOAUTH2":
            return await self._judge_token(base64.b64decode(initial).decode())
        if mechanism == "LOGIN":
            await say(self.writer, "334 UGFzc3dvcmQ6")
            initial = (await self.reader.readline()).decode()
        password = base64.b64decode(initial).decode().rpartition("\0")[2]
        if self.server.password in (None, password):
            return "235 2.7.0 welcome"
        return "535 5.7.8 bad credentials"

    async def _judge_token(self, initial: str) -> str:
        """As Google and Microsoft do: a refusal is a challenge first, which wants an empty line."""
        user, bearer, *rest = initial.split("\x01")
        token = bearer.removeprefix("auth=Bearer ")
        if user.startswith("user=") and rest == ["", ""] and token in self.server.access_tokens:
            return "235 2.7.0 Accepted"
        error = base64.b64encode(b'{"status":"400","schemes":"Bearer"}').decode()
        await say(self.writer, f"334 {error}")
        answer = await self.reader.readline()
        return "535 5.7.8 Username and Password not accepted" if answer == b"\r\n" else "501 5.5.2 no"

    async def _begin_envelope(self, sender: str) -> None:
        if self.sender:
            await say(self.writer, "503 5.5.1 there is an envelope already")
        elif await self._answer(Stage.MAIL, "250 2.1.0 ok"):
            self.sender = sender

    async def _read_letter(self) -> None:
        if not await self._answer(Stage.DATA, "354 go on"):
            return
        begun = await self.reader.read(1)
        early = self._next_answer(Stage.BODY, "")
        await give(self.writer, early, "")
        if _refuses(early):
            # What follows is read, not kept, and not answered: the answer was given.
            while await self.reader.read(65_536):
                pass
            raise EOFError
        lines = []
        while (line := begun + await self.reader.readline()) != b".\r\n":
            begun = b""
            if not line.endswith(b"\r\n"):
                raise EOFError
            lines.append(line.removeprefix(b"."))
        letter = Letter(self.sender, self.recipient, b"".join(lines))
        self.server.letters.append(letter)
        self.sender = ""
        answer = self._next_answer(Stage.DOT, "250 2.0.0 queued")
        if not _refuses(answer):
            self.server.accepted.append(letter)
        await give(self.writer, answer, "250 2.0.0 queued")

    async def _answer(self, stage: str, default: str) -> bool:
        """Answer as the script says, else with *default*; whether that was a consent."""
        return await give(self.writer, self._next_answer(stage, default), default)

    def _next_answer(self, stage: str, default: str) -> Answer:
        coming = self.server.next_answers.get(stage)
        return coming.pop(0) if coming else self.server.answers.get(stage, default)


def _refuses(answer: Answer) -> bool:
    return isinstance(answer, str) and answer.startswith(("4", "5"))


def _path(argument: str) -> str:
    return argument.partition("<")[2].partition(">")[0]
