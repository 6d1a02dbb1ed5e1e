"""Leadership: of all clocks one ticks, and one that leads no more can write nothing."""

import asyncio

import psycopg
import pytest
from sqlalchemy import text

from persistence.database import Database, libpq_url
from persistence.leadership import Leader, LeadershipLost, fence, lead


async def fenced(db: Database, leader: Leader) -> None:
    async with db.transaction() as conn:
        await fence(conn, leader)


async def test_one_of_several_leads(worker_db: Database, database_url: str) -> None:
    """The others get it when its session ends, each with a greater epoch."""
    async with lead(database_url) as first:
        assert first is not None
        await first.show_life()
        await fenced(worker_db, first)
        async with lead(database_url) as second:
            assert second is None

    async with lead(database_url) as third:
        assert third is not None
        assert third.epoch == first.epoch + 1


async def test_one_that_leads_no_more_is_refused(worker_db: Database, database_url: str) -> None:
    """It may have slept through the end of its session."""
    async with lead(database_url) as old:
        assert old is not None
    async with lead(database_url) as young:
        assert young is not None

        with pytest.raises(LeadershipLost):
            await fenced(worker_db, old)
        await fenced(worker_db, young)


async def test_an_ended_session_ends_the_lead(database_url: str) -> None:
    """The leader hears it when it shows life, and another one may begin."""
    async with lead(database_url) as leader:
        assert leader is not None
        with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'drumbeat clock leader' AND datname = current_database()"
            )
        with pytest.raises(LeadershipLost):
            await leader.show_life()
        async with lead(database_url) as next_leader:
            assert next_leader is not None


async def test_a_silent_session_is_ended(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader that was stopped or cut off shows no life, so PostgreSQL gives the lead free."""
    monkeypatch.setattr("persistence.leadership._SILENCE_MS", 100)
    async with lead(database_url) as leader:
        assert leader is not None
        await asyncio.sleep(0.4)
        async with lead(database_url) as next_leader:
            assert next_leader is not None
            assert next_leader.epoch == leader.epoch + 1
        with pytest.raises(LeadershipLost):
            await leader.show_life()


async def test_nobody_takes_the_lead_while_something_is_written_under_it(
    worker_db: Database, database_url: str
) -> None:
    """A younger leader's epoch waits for the transaction that was fenced before."""
    async with lead(database_url) as leader:
        assert leader is not None
    async with worker_db.transaction() as conn:
        await fence(conn, leader)
        younger = asyncio.create_task(_epoch_of_next(database_url))
        await asyncio.sleep(0.1)
        assert not younger.done()
        await conn.execute(text("SELECT 1"))

    assert await younger == leader.epoch + 1


async def _epoch_of_next(database_url: str) -> int:
    async with lead(database_url) as leader:
        assert leader is not None
        return leader.epoch
