"""The connections that a process keeps to SMTP servers, a few for each mailbox."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from actors.access_tokens import AccessTokens
from actors.endpoints import Endpoint, Undelivered, connect
from actors.hosts import Network
from actors.smtp import DOT_S, Handover, SmtpConnection
from domain.ids import MailboxId
from domain.replies import Fault, Reply, Stage

_RESET_S = 5.0
_LEAVE_S = 1.0
# About as long as opening another takes.
_COMES_BACK_S = 1.0


def _had_left(handover: Handover) -> bool:
    """Whether the server ended the connection before it heard of this email."""
    said_so = isinstance(handover.answer, Reply) and handover.answer.code == 421
    return handover.stage is Stage.MAIL and (said_so or handover.answer is Fault.DROPPED)


@dataclass(eq=False, slots=True)
class _Line:
    """
    One mailbox's turns, and the connections to *endpoint* that wait for the next, latest last.

    *lent* are its turns that are taken; *waiting* those among them that wait for the connection of another.
    """

    endpoint: Endpoint
    turns: asyncio.Semaphore
    borrowers: int = 0
    lent: int = 0
    kept: list[SmtpConnection] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class ConnectionPool:
    """
    Connections kept between emails: per mailbox never more than *limit_per_mailbox*, together never more than
    *total*, and none that nobody used for *idle_s*. Belongs to one event loop.

    While a mailbox has one in use, another is opened only if that does not come back within *comes_back_s*:
    servers count connections and logins, and what is quick is worth waiting for.

    *allow*, *tls_context* and *tokens* are those of `connect`.
    """

    def __init__(
        self,
        *,
        total: int,
        limit_per_mailbox: int = 2,
        idle_s: float = 60.0,
        comes_back_s: float = _COMES_BACK_S,
        allow: Sequence[Network] = (),
        tls_context: ssl.SSLContext | None = None,
        tokens: AccessTokens | None = None,
    ) -> None:
        self._total = total
        self._limit_per_mailbox = limit_per_mailbox
        self._idle_s = idle_s
        self._comes_back_s = comes_back_s
        self._connect = partial(connect, allow=allow, tls_context=tls_context, tokens=tokens)
        self._turns = asyncio.Semaphore(total)
        self._lent = 0
        self._lines: dict[MailboxId, _Line] = {}
        # Longest unused first.
        self._idle: dict[SmtpConnection, MailboxId] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def idle_count(self) -> int:
        return len(self._idle)

    async def deliver(
        self,
        mailbox_id: MailboxId,
        endpoint: Endpoint,
        sender: str,
        recipient: str,
        content: bytes,
        *,
        before_dot: Callable[[], Awaitable[bool]],
        timeout_s: float,
        dot_timeout_s: float = DOT_S,
    ) -> Handover:
        """
        Wait for a turn of *mailbox_id* and hand over one email like `SmtpConnection.deliver`.

        *timeout_s* covers the wait and connecting, too, and what prevents them is a `Handover` as well. An
        *endpoint* other than before, such as one with a new password, ends the connections kept for the old
        one. A kept one that the server had left costs the email nothing: it is replaced, once, which is safe
        while MAIL has no answer.

        Raises:
            RuntimeError: If the pool is closed.
            ValueError: As `SmtpConnection.deliver`.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        letter = partial(
            SmtpConnection.deliver,
            sender=sender,
            recipient=recipient,
            content=content,
            before_dot=before_dot,
            dot_timeout_s=dot_timeout_s,
        )
        line = self._line(mailbox_id, endpoint)
        line.borrowers += 1
        try:
            await self._take_turn(line, until=deadline)
            self._lent += 1
            line.lent += 1
            connection: SmtpConnection | None = None
            try:
                connection = await self._kept(line, endpoint, until=deadline)
                if connection is not None and connection.needs_reset:
                    await connection.reset(timeout_s=min(_RESET_S, timeout_s))
                if connection is not None and connection.is_usable:
                    handover = await letter(connection, timeout_s=deadline - loop.time())
                    if not _had_left(handover):
                        return handover
                    connection.close()
                connection = await self._open(endpoint, deadline - loop.time())
                return await letter(connection, timeout_s=deadline - loop.time())
            finally:
                self._give_back(line, mailbox_id, endpoint, connection)
        except Undelivered as failure:
            return Handover(failure.stage, failure.answer, failure.detail)
        finally:
            line.borrowers -= 1
            self._forget_unused(mailbox_id)

    async def aclose(self, *, timeout_s: float = 2.0) -> None:
        """Take leave of every idle connection; the borrowed ones close when they are given back."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])
        await self._leave(list(self._idle), timeout_s=timeout_s)

    def _line(self, mailbox_id: MailboxId, endpoint: Endpoint) -> _Line:
        if self._is_closed:
            raise RuntimeError("the connection pool is closed")
        if mailbox_id not in self._lines:
            self._lines[mailbox_id] = _Line(endpoint, asyncio.Semaphore(self._limit_per_mailbox))
        return self._lines[mailbox_id]

    async def _take_turn(self, line: _Line, *, until: float) -> None:
        # The mailbox first: its waiters must not hold turns that other mailboxes could use.
        if not line.turns.locked() and not self._turns.locked():
            # Nobody has to wait, nor needs a timer for it.
            await line.turns.acquire()
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout_at(until), AsyncExitStack() as taken:
                await taken.enter_async_context(line.turns)
                await self._turns.acquire()
                taken.pop_all()
        except TimeoutError:
            detail = "the host holds up every connection of the mailbox"
            raise Undelivered(Stage.CONNECT, Fault.TIMEOUT, detail) from None

    async def _kept(self, line: _Line, endpoint: Endpoint, *, until: float) -> SmtpConnection | None:
        """The connection used last that still stands; None when one has to be opened."""
        if line.endpoint != endpoint:
            line.endpoint = endpoint
            await self._leave(list(line.kept))
        elif not line.kept and line.lent > len(line.waiting) + 1:
            # Somebody else has one.
            await self._wait_for_one(line, until=until)
        while line.kept:
            connection = line.kept[-1]
            self._remove(connection)
            if connection.is_usable:
                return connection
            connection.close()
        return None

    async def _wait_for_one(self, line: _Line, *, until: float) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        # The other half of its time is for opening one.
        timer = loop.call_later(min(self._comes_back_s, (until - loop.time()) / 2), _wake, waiter)
        line.waiting.append(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            line.waiting.remove(waiter)

    async def _open(self, endpoint: Endpoint, timeout_s: float) -> SmtpConnection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        # Everyone with a turn holds at most one connection, so it is idle ones that give way.
        surplus = max(0, len(self._idle) + self._lent - self._total)
        await self._leave(list(islice(self._idle, surplus)), timeout_s=min(_LEAVE_S, timeout_s))
        return await self._connect(endpoint, timeout_s=deadline - loop.time())

    def _give_back(
        self, line: _Line, mailbox_id: MailboxId, endpoint: Endpoint, connection: SmtpConnection | None
    ) -> None:
        if connection is not None:
            self._keep(line, mailbox_id, endpoint, connection)
        self._lent -= 1
        line.lent -= 1
        for waiter in line.waiting[:1]:
            _wake(waiter)
        self._turns.release()
        line.turns.release()

    def _keep(
        self, line: _Line, mailbox_id: MailboxId, endpoint: Endpoint, connection: SmtpConnection
    ) -> None:
        if self._is_closed or not connection.is_usable or line.endpoint != endpoint:
            connection.close()
            return
        line.kept.append(connection)
        self._idle[connection] = mailbox_id
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        """Close what nobody used for *idle_s*; ends with the last idle connection."""
        loop = asyncio.get_running_loop()
        while self._idle:
            await asyncio.sleep(next(iter(self._idle)).last_used + self._idle_s - loop.time())
            expired = loop.time() - self._idle_s
            await self._leave([connection for connection in self._idle if connection.last_used <= expired])

    async def _leave(self, connections: Sequence[SmtpConnection], *, timeout_s: float = _LEAVE_S) -> None:
        mailbox_ids = [self._remove(connection) for connection in connections]
        for mailbox_id in mailbox_ids:
            self._forget_unused(mailbox_id)
        await asyncio.gather(*(connection.quit(timeout_s=timeout_s) for connection in connections))

    def _remove(self, connection: SmtpConnection) -> MailboxId:
        mailbox_id = self._idle.pop(connection)
        self._lines[mailbox_id].kept.remove(connection)
        return mailbox_id

    def _forget_unused(self, mailbox_id: MailboxId) -> None:
        line = self._lines.get(mailbox_id)
        if line is not None and not line.borrowers and not line.kept:
            del self._lines[mailbox_id]


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
