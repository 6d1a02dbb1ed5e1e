"""Overdue retries: what should have come back from its wait is handed out again, once in a while."""

from persistence.attempts import Ticket
from persistence.overdue_retries import sweep_overdue
from tests.persistence.delivery import MINUTE, NOW, Delivery

GRACE = 2 * MINUTE


async def swept(delivery: Delivery, *, minutes: int = 0, limit: int = 500) -> list[Ticket]:
    async with delivery.db.transaction() as conn:
        return await sweep_overdue(conn, now=NOW + minutes * MINUTE, grace=GRACE, limit=limit)


async def test_a_retry_is_overdue_when_its_grace_is_over(delivery: Delivery) -> None:
    """Until then its message may still come; other statuses do not wait."""
    due = await delivery.add(status="RETRYING", attempt=1, retry_at=NOW)
    await delivery.add(status="SENDING", attempt=1, retry_at=NOW)

    assert await swept(delivery, minutes=1) == []
    assert await swept(delivery, minutes=2) == [Ticket(due, 2)]


async def test_each_is_swept_once_in_every_grace(delivery: Delivery) -> None:
    """A second lost message is swept again."""
    due = await delivery.add(status="RETRYING", attempt=3, retry_at=NOW - GRACE)

    assert await swept(delivery) == [Ticket(due, 4)]
    assert await swept(delivery, minutes=1) == []
    assert await swept(delivery, minutes=2) == [Ticket(due, 4)]
    assert (await delivery.email(due)).status == "RETRYING"


async def test_those_who_wait_longest_are_first(delivery: Delivery) -> None:
    """At most so many at a time."""
    late, later = [
        await delivery.add(status="RETRYING", attempt=1, retry_at=NOW - minutes * MINUTE)
        for minutes in (3, 9)
    ]

    assert await swept(delivery, limit=1) == [Ticket(later, 2)]
    assert await swept(delivery, limit=1) == [Ticket(late, 2)]
