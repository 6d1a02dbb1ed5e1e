"""Leadership: of all clocks that run, one ticks; another takes over when its session ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.database import Role, libpq_url

# A leader that shows no life for this long, stopped or cut off, loses its session and with it the lead.
_SILENCE_MS = 5_000


class LeadershipLost(Exception):
    """Another clock leads now, or may lead: nothing more may be written under the old epoch."""


class Leader:
    """The lead while its session lasts. *epoch* is greater than that of every leader before."""

    def __init__(self, conn: "psycopg.AsyncConnection[Any]", epoch: int) -> None:
        self._conn = conn
        self.epoch = epoch

    async def show_life(self) -> None:
        """
        Keep the session alive.

        Raises:
            LeadershipLost: When it ended.
        """
        try:
            await self._conn.execute("SELECT 1")
        except psycopg.Error as ended:
            raise LeadershipLost("the leader's session ended") from ended


@asynccontextmanager
async def lead(url: str) -> AsyncIterator[Leader | None]:
    """Try to take the lead; None when another clock has it. It ends with the block, or with the process."""
    conn = await psycopg.AsyncConnection.connect(
        libpq_url(url),
        autocommit=True,
        options=f"-c role={Role.WORKER} -c idle_session_timeout={_SILENCE_MS}",
        application_name="drumbeat clock leader",
    )
    async with conn:
        took = await (await conn.execute(_TAKE)).fetchone()
        if took is None or not took[0]:
            yield None
            return
        begun = await (await conn.execute(_NEW_EPOCH)).fetchone()
        if begun is None:
            raise RuntimeError("an upsert returned no row")
        yield Leader(conn, begun[0])


_TAKE = "SELECT pg_try_advisory_lock(hashtextextended('drumbeat clock', 0))"
_NEW_EPOCH = """
INSERT INTO clock_leaders (id, epoch) VALUES (1, 1)
ON CONFLICT (id) DO UPDATE SET epoch = clock_leaders.epoch + 1, updated_at = now()
RETURNING epoch
"""
_FENCE = text("SELECT epoch FROM clock_leaders WHERE id = 1 FOR SHARE")


async def fence(conn: AsyncConnection, leader: Leader) -> None:
    """
    Make sure, until the transaction ends, that nobody led after *leader*.

    Raises:
        LeadershipLost: When somebody did.
    """
    if await conn.scalar(_FENCE) != leader.epoch:
        raise LeadershipLost("a younger leader has begun")
