"""A pool for tests, and sending through it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from actors.endpoints import Endpoint
from actors.smtp import Handover
from actors.smtp_pool import ConnectionPool
from domain.ids import MailboxId
from domain.mailboxes import Security
from domain.replies import Reply, Stage
from tests.support.handovers import CONTENT, LOOPBACK, PATIENCE_S, RECIPIENT, SENDER, agree
from tests.support.smtp_server import ScriptedSmtpServer

FIRST, SECOND, THIRD = (MailboxId(UUID(int=number)) for number in (1, 2, 3))
ACCEPTED = Handover(Stage.DOT, Reply(250, "2.0.0 queued"))


@asynccontextmanager
async def pool_of(
    *, total: int = 10, idle_s: float = 60.0, comes_back_s: float = 0.01
) -> AsyncIterator[ConnectionPool]:
    pool = ConnectionPool(total=total, idle_s=idle_s, comes_back_s=comes_back_s, allow=LOOPBACK)
    try:
        yield pool
    finally:
        await pool.aclose()


def endpoint_of(server: ScriptedSmtpServer, *, username: str = "", password: str = "") -> Endpoint:
    return Endpoint("127.0.0.1", server.port, Security.NONE, username, password)


async def send(
    pool: ConnectionPool,
    mailbox_id: MailboxId,
    endpoint: Endpoint,
    *,
    before_dot: Callable[[], Awaitable[bool]] = agree,
    timeout_s: float = PATIENCE_S,
) -> Handover:
    return await pool.deliver(
        mailbox_id, endpoint, SENDER, RECIPIENT, CONTENT, before_dot=before_dot, timeout_s=timeout_s
    )


@asynccontextmanager
async def under_way(
    pool: ConnectionPool, mailbox_id: MailboxId, endpoint: Endpoint
) -> AsyncIterator[asyncio.Task[Handover]]:
    """A letter that the server has but for its dot, which it gets when the block ends."""
    is_there, may_end = asyncio.Event(), asyncio.Event()

    async def before_dot() -> bool:
        is_there.set()
        await may_end.wait()
        return True

    sending = asyncio.create_task(send(pool, mailbox_id, endpoint, before_dot=before_dot))
    await asyncio.wait_for(is_there.wait(), PATIENCE_S)
    try:
        yield sending
    finally:
        may_end.set()
        await sending
