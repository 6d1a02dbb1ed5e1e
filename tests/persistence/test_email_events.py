"""Events: what happened to each email, in the order in which it happened."""

from sqlalchemy import select

from domain.ids import EnrollmentId
from domain.lifecycle import EmailEvent
from persistence.email_events import Happening, record_events
from persistence.tables import email_events
from tests.persistence.delivery import NOW, Delivery


async def test_everything_is_recorded_in_order(delivery: Delivery) -> None:
    """With the attempt that it was about, what the server said, and our own cause."""
    (due,) = await delivery.due()
    attempt = await delivery.begun(due)
    row = await delivery.email(due)
    happened = [
        Happening.of_row(row, EmailEvent.RESCUE),
        Happening.of_row(row, EmailEvent.RELEASE, cause="DAY_FULL"),
        Happening.of_attempt(attempt, EmailEvent.RETRY, code=451, reply="4.7.1 Later", cause="greylisted"),
    ]

    async with delivery.db.transaction() as conn:
        await record_events(conn, happened, at=NOW)
        await record_events(conn, [], at=NOW)

    columns = email_events.c
    async with delivery.db.transaction() as conn:
        rows = await conn.execute(
            select(columns.kind, columns.cause, columns.code, columns.reply).order_by(columns.id)
        )
        ids = select(columns.workspace_id, columns.email_id, columns.enrollment_id, columns.mailbox_id)
        owners = set(await conn.execute(ids.add_columns(columns.attempt, columns.at)))
    assert [tuple(each) for each in rows] == [
        ("RESCUE", None, None, None),
        ("RELEASE", "DAY_FULL", None, None),
        ("RETRY", "greylisted", 451, "4.7.1 Later"),
    ]
    enrollment_id = EnrollmentId(row.enrollment_id)
    assert owners == {(delivery.workspace_id, due, enrollment_id, delivery.mailbox_id, 1, NOW)}
