"""A pool for tests, and sending through it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from actors.endpoints import Endpoint
from actors.smtp import Handover
from actors.smtp_pool import ConnectionPool, PooledConnection
from domain.ids import MailboxId
from domain.mailboxes import Security
from domain.replies import Reply, Stage
from tests.support.handovers import CONTENT, LOOPBACK, PATIENCE_S, RECIPIENT, SENDER, agree
from tests.support.smtp_server import ScriptedSmtpServer

FIRST, SECOND, THIRD = (MailboxId(UUID(int=number)) for number in (1, 2, 3))
ACCEPTED = Handover(Stage.DOT, Reply(250, "2.0.0 queued"))


@asynccontextmanager
async def pool_of(*, total: int = 10, idle_s: float = 60.0) -> AsyncIterator[ConnectionPool]:
    pool = ConnectionPool(total=total, idle_s=idle_s, allow=LOOPBACK)
    try:
        yield pool
    finally:
        await pool.aclose()


def endpoint_of(server: ScriptedSmtpServer, *, username: str = "", password: str = "") -> Endpoint:
    return Endpoint("127.0.0.1", server.port, Security.NONE, username, password)


async def deliver(connection: PooledConnection, *, timeout_s: float = PATIENCE_S) -> Handover:
    return await connection.deliver(SENDER, RECIPIENT, CONTENT, before_dot=agree, timeout_s=timeout_s)


async def send(pool: ConnectionPool, mailbox_id: MailboxId, endpoint: Endpoint, **options: Any) -> Handover:
    async with pool.connection(mailbox_id, endpoint) as connection:
        return await deliver(connection, **options)
