"""Rows by the ten thousand: tuples of the same values that SQLAlchemy reads, in its transaction."""

from uuid import uuid4

from sqlalchemy import select, text

from persistence.arrays import among
from persistence.bulk_rows import fetch_tuples
from persistence.tables import scheduled_emails
from tests.persistence.delivery import Delivery


async def test_tuples_hold_what_rows_hold(delivery: Delivery) -> None:
    """Also what is chosen by arrays and lists, and what this transaction alone has written so far."""
    email_id = await delivery.add()
    columns = scheduled_emails.c
    query = select(columns.id, columns.send_at, columns.send_day, columns.status, columns.sent_at).where(
        among(columns.id, [email_id, uuid4()]), columns.status.in_(["SENT", "QUEUED"])
    )

    async with delivery.db.transaction() as conn:
        await conn.execute(scheduled_emails.update().values(status="SENT"))
        tuples = await fetch_tuples(conn, query)
        rows = await conn.execute(query)

    assert tuples == [tuple(row) for row in rows]
    assert len(tuples) == 1


async def test_what_has_arrays_is_planned_for_them_each_time(delivery: Delivery) -> None:
    """However often it is asked: a plan for unknown arrays looks through them one by one."""
    query = select(scheduled_emails.c.id).where(~among(scheduled_emails.c.id, [uuid4()]))

    async with delivery.db.transaction() as conn:
        for _ in range(20):
            await fetch_tuples(conn, query)
        prepared = await conn.scalar(
            text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%scheduled_emails%'")
        )

    assert prepared == 0
