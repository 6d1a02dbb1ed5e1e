"""Events: what happened to each email, in the order in which it happened."""

from sqlalchemy import select

from domain.ids import EmailId
from domain.lifecycle import EmailEvent
from persistence.changes import CHANGES
from persistence.database import listen
from persistence.email_events import Happening, record_events
from persistence.results import Result
from persistence.tables import email_events
from tests.persistence.delivery import NOW, Delivery


async def test_everything_is_recorded_in_order(delivery: Delivery) -> None:
    """With the attempt that it was about, what the server said, and our own cause."""
    (due,) = await delivery.due()
    attempt = await delivery.committed(due)
    row = await delivery.email(due)
    refused = Result(attempt, EmailEvent.RETRY, "greylisted", 451, "4.7.1 Later", retry_at=NOW)
    happened = [
        Happening.of_row(row, EmailEvent.RESCUE),
        Happening.of_row(row, EmailEvent.RELEASE, cause="DAY_FULL"),
    ]

    await delivery.end(refused, now=NOW)
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
        ("COMMIT", None, None, None),
        ("RETRY", "greylisted", 451, "4.7.1 Later"),
        ("RESCUE", None, None, None),
        ("RELEASE", "DAY_FULL", None, None),
    ]
    assert owners == {(delivery.workspace_id, due, row.enrollment_id, delivery.mailbox_id, 1, NOW)}


async def test_a_group_is_recorded_in_its_order(delivery: Delivery) -> None:
    """Results of two emails, in the order in which they were given."""
    dues = await delivery.due(2)
    attempts = [await delivery.committed(due) for due in reversed(dues)]

    await delivery.end(*(Result(attempt, EmailEvent.ACCEPT, "accepted", 250) for attempt in attempts))

    columns = email_events.c
    accepted = select(columns.email_id).where(columns.kind == "ACCEPT").order_by(columns.id)
    async with delivery.db.transaction() as conn:
        assert [EmailId(row.email_id) for row in await conn.execute(accepted)] == list(reversed(dues))


async def test_who_watches_is_woken_by_results_alone(delivery: Delivery) -> None:
    """Once for a group of them; the mark is told of with the result that follows it."""
    dues = await delivery.due(2)
    url = delivery.db.engine.url.render_as_string(hide_password=False)
    attempts = [await delivery.begun(due) for due in dues]

    async with listen(url, channel=CHANGES) as listener:
        await delivery.commit(*attempts)
        after_mark = await listener.next(0.2)
        await delivery.end(*(Result(attempt, EmailEvent.ACCEPT, "accepted", 250) for attempt in attempts))
        after_results = [await listener.next(1.0), await listener.next(0.2)]

    assert after_mark is None
    assert after_results == [str(delivery.workspace_id), None]
