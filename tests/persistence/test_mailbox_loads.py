"""What mailboxes have sent and are sending, and the counts of their days."""

from datetime import timedelta
from uuid import UUID

from domain.gate import MailboxLoad
from domain.lifecycle import MailboxStatus
from domain.rates import Rate, RateKind
from persistence.mailbox_loads import DayCount, count_on_days, read_loads
from persistence.tables import mailboxes
from tests.persistence.delivery import MINUTE, NOW, TODAY, Delivery, at


async def load_of(delivery: Delivery, *ids: UUID) -> dict[UUID, MailboxLoad]:
    async with delivery.db.transaction() as conn:
        return await read_loads(conn, ids or [delivery.mailbox_id], now=NOW)


async def count(delivery: Delivery, capacity: int, **changes: int) -> None:
    async with delivery.db.transaction() as conn:
        await count_on_days(conn, {(delivery.mailbox_id, TODAY): DayCount(capacity, **changes)})


async def test_a_mailbox_that_has_sent_nothing_yet(delivery: Delivery) -> None:
    """No day was begun, nothing is under way; unless limits ask for it, starts are not read."""
    await delivery.add(status="SENT", last_attempt_at=NOW)

    load = (await load_of(delivery))[delivery.mailbox_id]

    assert (load.status, load.day, load.used, load.in_flight) == (MailboxStatus.ACTIVE, TODAY, 0, 0)
    assert (load.mailbox.rates, load.by_domain) == ((), {})
    assert (load.last_attempt_at, load.starts) == (None, [])


async def test_what_counts_of_a_mailbox(delivery: Delivery) -> None:
    """Attempts of the last hour, or of the sliding window where that is longer, that were not refused."""
    await delivery.change(
        mailboxes,
        delivery.mailbox_id,
        hourly_limit=9,
        sliding_window_limit=99,
        sliding_window_s=7200,
        last_attempt_at=NOW,
    )
    for status in ("SENDING", "COMMITTING", "SENT", "IN_DOUBT", "RETRYING", "FAILED"):
        await delivery.add(status=status, last_attempt_at=NOW - 61 * MINUTE)
    await delivery.add(status="SENT", last_attempt_at=NOW - 121 * MINUTE)
    await count(delivery, 30, used=4)

    load = (await load_of(delivery))[delivery.mailbox_id]

    assert (load.used, load.in_flight, load.last_attempt_at) == (4, 2, NOW)
    assert load.mailbox.rates == (
        Rate(RateKind.HOURLY, 9),
        Rate(RateKind.SLIDING, 99, timedelta(hours=2)),
    )
    assert load.starts == [NOW - 61 * MINUTE] * 4


async def test_a_rolling_limit_counts_24_hours_and_a_domain_cap_the_day(delivery: Delivery) -> None:
    """Attempts of 24 hours; of those charged to today, how many went to each domain."""
    await delivery.change(mailboxes, delivery.mailbox_id, rolling_24h_limit=50, recipient_domain_daily_cap=3)
    for minutes, day in ((1439, TODAY), (1441, TODAY), (60, TODAY - timedelta(days=1))):
        await delivery.add(status="SENT", last_attempt_at=NOW - minutes * MINUTE, quota_day=day)
    await delivery.add(status="PENDING", quota_day=TODAY)

    load = (await load_of(delivery))[delivery.mailbox_id]

    assert load.mailbox.rates == (Rate(RateKind.ROLLING_24H, 50, timedelta(days=1)),)
    assert sorted(load.starts) == [NOW - 1439 * MINUTE, NOW - 60 * MINUTE]
    assert load.by_domain == {"example.test": 2}


async def test_the_day_is_that_of_the_mailboxs_zone(delivery: Delivery) -> None:
    """Nine in the morning of Monday is still Sunday evening in Honolulu."""
    honolulu = await delivery.mailbox(zone="Pacific/Honolulu")

    loads = await load_of(delivery, honolulu, delivery.mailbox_id)

    assert {key: load.day for key, load in loads.items()} == {
        delivery.mailbox_id: TODAY,
        honolulu: at(9, day=1).date(),
    }
    async with delivery.db.transaction() as conn:
        assert await read_loads(conn, [], now=NOW) == {}


async def test_counts_of_a_day_add_up(delivery: Delivery) -> None:
    """The day begins with the first; nothing falls below zero."""
    assert await delivery.day() is None

    await count(delivery, 30, used=2)
    await count(delivery, 30, used=-1, sent=1)
    await count(delivery, 30, failed=1)
    added = await delivery.day()
    await count(delivery, 30, used=-5)

    assert (added, await delivery.day()) == ((30, 1, 1, 1), (30, 0, 1, 1))


async def test_a_day_keeps_the_highest_capacity_that_was_in_force(delivery: Delivery) -> None:
    """Lowered below what is used it means nothing more today, and breaks no rule; 0 is the highest."""
    capacities = []
    for capacity in (30, 10, 40, 0, 20):
        await count(delivery, capacity, used=1)
        day = await delivery.day()
        assert day is not None
        capacities.append(day[0])

    assert capacities == [30, 30, 40, 0, 0]
    assert await delivery.day() == (0, 5, 0, 0)
