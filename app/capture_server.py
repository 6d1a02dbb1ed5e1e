"""The receiving SMTP server of the demo and the tests: keeps what it accepts, refuses what it is told to."""

import asyncio
import inspect
import itertools
import json
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self
from weakref import WeakSet

import typer
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.captured_mail import Received, Refused, append_to_log, read_log

__all__ = ["Always", "CaptureServer", "Clock", "Received", "Refused", "Script", "read_log"]

Clock = Callable[[], datetime | Awaitable[datetime]]


@dataclass(frozen=True, slots=True)
class Always:
    """A reply that a recipient gets for ever."""

    reply: str


Script = Mapping[str, Sequence[str] | Always]


class CaptureServer:
    """
    An SMTP server on the loopback interface that delivers nowhere. Also a context manager.

    Args:
        port: 0 for a free one, to be read from `port` after the start.
        clock: Tells the (business) time of what arrives; an awaitable is awaited on the server's own loop.
        script: The replies that a recipient gets at RCPT, in order; after the last it is accepted.
        log: Gets every email before its 250 leaves, and every refusal; `read_log` reads it.
        credentials: Password by user name. When given, mail is accepted only after AUTH PLAIN or LOGIN.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        port: int = 0,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        script: Script | None = None,
        log: Path | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self.received: list[Received] = []
        self.refused: list[Refused] = []
        self._clock = clock
        self._replies = {address.lower(): _in_order(replies) for address, replies in (script or {}).items()}
        self._log = log
        self._log_fd: int | None = None
        self._credentials = credentials
        self._conversations: WeakSet[SMTP] = WeakSet()

    def start(self) -> None:
        """
        Listen, on a thread of its own.

        Raises:
            OSError: The port is taken, or the log cannot be opened.
        """
        listening: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(listening)), daemon=True)
        self._thread.start()
        listening.result()

    def stop(self) -> None:
        """Close every connection and the port."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _serve(self, listening: "Future[None]") -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        try:
            server = await self._loop.create_server(self._converse, self.host, self.port)
            if self._log is not None:
                self._log_fd = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            listening.set_exception(error)
            return
        self.port = server.sockets[0].getsockname()[1]
        listening.set_result(None)
        await self._stopping.wait()
        server.close()
        for conversation in self._conversations:
            if conversation.transport is not None:
                conversation.transport.close()
        await asyncio.sleep(0)  # connections are torn down in the next round of the loop
        if self._log_fd is not None:
            os.close(self._log_fd)

    def _converse(self) -> SMTP:
        conversation = SMTP(
            self,
            hostname="localhost",  # to look up the machine's own name can take seconds
            enable_SMTPUTF8=True,
            # Without TLS, AUTH is offered where it needs none: not by a server without credentials.
            auth_require_tls=self._credentials is None,
            authenticator=self._authenticate,
            loop=self._loop,
        )
        self._conversations.add(conversation)
        return conversation

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        login = given.login.decode()
        expected = (self._credentials or {}).get(login)
        known = expected is not None and given.password == expected.encode()
        return AuthResult(success=known, handled=False, auth_data=login)

    # Below, aiosmtpd looks for these very names.

    async def auth_PLAIN(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        return await self._admitted(await server.auth_PLAIN(server, args))

    async def auth_LOGIN(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        return await self._admitted(await server.auth_LOGIN(server, args))

    async def _admitted(self, result: AuthResult) -> AuthResult:
        if not result.success and not result.handled:
            result.message = await self._refuse("535 5.7.8 Authentication credentials invalid")
        return result

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._credentials is not None and not session.authenticated:
            return await self._refuse("530 5.7.0 Authentication required", sender=address)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = next(self._replies.get(address.lower(), iter(())), None)
        if reply is not None:
            return await self._refuse(reply, sender=envelope.mail_from, recipient=address)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content, sender = envelope.original_content, envelope.mail_from
        if content is None or sender is None:
            raise TypeError("aiosmtpd calls this only after MAIL and with the content")
        at = await self._now()
        for recipient in envelope.rcpt_tos:
            email = Received.parsed(
                content, at=at, sender=sender, recipient=recipient, authenticated_as=session.auth_data
            )
            self._write(email)
            self.received.append(email)
        return "250 2.0.0 OK"

    async def _refuse(self, reply: str, *, sender: str | None = None, recipient: str | None = None) -> str:
        refusal = Refused(at=await self._now(), sender=sender, recipient=recipient, reply=reply)
        self._write(refusal)
        self.refused.append(refusal)
        return reply

    async def _now(self) -> datetime:
        now = self._clock()
        return await now if inspect.isawaitable(now) else now

    def _write(self, entry: Received | Refused) -> None:
        if self._log_fd is not None:
            append_to_log(self._log_fd, entry)


def _in_order(replies: Sequence[str] | Always) -> Iterator[str]:
    return itertools.repeat(replies.reply) if isinstance(replies, Always) else iter(replies)


def main(
    port: Annotated[int, typer.Option(help="0 for a free one, told on standard output.")] = 0,
    log: Annotated[Path | None, typer.Option(help="One line of JSON per email and refusal.")] = None,
    script: Annotated[
        Path | None, typer.Option(help='JSON: {"a@x.test": ["451 4.7.1 Later"], "b@x.test": "550 5.1.1 No"}.')
    ] = None,
    credentials: Annotated[Path | None, typer.Option(help='JSON: {"user": "password"}.')] = None,
) -> None:
    """Receive mail until killed. In a script, a list is used up in order, a single reply lasts for ever."""
    replies: dict[str, list[str] | str] = json.loads(script.read_text()) if script else {}
    server = CaptureServer(
        port,
        script={to: Always(reply) if isinstance(reply, str) else reply for to, reply in replies.items()},
        log=log,
        credentials=json.loads(credentials.read_text()) if credentials else None,
    )
    with server:
        sys.stdout.write(f"listening on {server.host}:{server.port}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    typer.run(main)
