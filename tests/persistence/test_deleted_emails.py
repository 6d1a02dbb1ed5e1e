"""Emails that an administrator deletes: what is kept of them goes along, although no foreign key says so."""

import asyncio
from collections.abc import Mapping

import psycopg
import pytest
from sqlalchemy import func, insert, select, text

from domain.ids import EmailId
from domain.lifecycle import EmailEvent
from persistence.database import Database, libpq_url
from persistence.results import Result, end_attempts
from persistence.tables import email_events, email_moves, letters
from tests.persistence.delivery import NOW, Delivery, make_delivery

KEPT_OF_EMAILS = (letters, email_events, email_moves)


async def with_everything(delivery: Delivery) -> EmailId:
    """An email that was sent, of which there is a letter, and that was moved before."""
    (email_id,) = await delivery.due()
    await delivery.sent(email_id)
    async with delivery.db.transaction() as conn:
        await conn.execute(
            insert(email_moves).values(
                workspace_id=delivery.workspace_id, email_id=email_id, cause="LATE", at=NOW
            )
        )
    return email_id


async def kept(db: Database) -> Mapping[str, set[EmailId]]:
    """The emails of which there is something, by the names of the tables."""
    async with db.transaction() as conn:
        return {
            table.name: set(await conn.scalars(select(table.c.email_id).distinct()))
            for table in KEPT_OF_EMAILS
        }


@pytest.mark.parametrize(
    "deletion",
    [
        "DELETE FROM workspaces WHERE id = %(workspace_id)s",
        "DELETE FROM scheduled_emails WHERE workspace_id = %(workspace_id)s",
        "DELETE FROM scheduled_emails WHERE id = %(email_id)s",
    ],
)
async def test_what_is_kept_of_an_email_goes_with_it(
    delivery: Delivery, database_url: str, deletion: str
) -> None:
    """With its workspace or by itself; what is kept of others stays."""
    other = await make_delivery(delivery.db)
    email_id, staying = await with_everything(delivery), await with_everything(other)
    assert await kept(delivery.db) == {table.name: {email_id, staying} for table in KEPT_OF_EMAILS}

    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        admin.execute(deletion.encode(), {"workspace_id": delivery.workspace_id, "email_id": email_id})

    assert await kept(delivery.db) == {table.name: {staying} for table in KEPT_OF_EMAILS}


async def test_what_is_written_meanwhile_goes_along(delivery: Delivery, database_url: str) -> None:
    """Whoever records a result holds the email, so the deletion waits, and finds what was recorded."""
    (email_id,) = await delivery.due()
    attempt = await delivery.committed(email_id)
    conninfo = libpq_url(database_url)

    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as admin:
        async with delivery.db.transaction() as conn:
            counted = await end_attempts(conn, [Result(attempt, EmailEvent.ACCEPT, "accepted", 250)], now=NOW)
            deletion = asyncio.create_task(
                admin.execute("DELETE FROM workspaces WHERE id = %s", [delivery.workspace_id])
            )
            await _until_it_waits(delivery.db)
        await deletion

    assert counted == {email_id}
    assert await kept(delivery.db) == {table.name: set() for table in KEPT_OF_EMAILS}


async def _until_it_waits(db: Database) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(5):
        while True:
            async with db.transaction() as conn:
                if await conn.scalar(waiting):
                    return
            await asyncio.sleep(0.01)


async def test_a_result_of_an_email_that_is_gone_counts_for_nothing(
    delivery: Delivery, database_url: str
) -> None:
    """Nothing is written of it that would stay for ever."""
    (email_id,) = await delivery.due()
    attempt = await delivery.committed(email_id)
    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        admin.execute("DELETE FROM workspaces WHERE id = %s", [delivery.workspace_id])

    counted = await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250))

    assert counted == frozenset()
    async with delivery.db.transaction() as conn:
        assert await conn.scalar(select(func.count()).select_from(email_events)) == 0
