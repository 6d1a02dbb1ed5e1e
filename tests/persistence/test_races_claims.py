"""Races of dispatchers and gates: two real connections never exceed what a mailbox may send."""

import asyncio
from itertools import chain

import pytest
from sqlalchemy import delete, update

from domain.gate import Hold
from persistence import claims
from persistence.attempts import Attempt, Held, Ticket
from persistence.tables import enrollments, mailbox_days, mailboxes, scheduled_emails
from tests.persistence.delivery import NOW, TODAY, Delivery

ROUNDS = 20


async def start_over(delivery: Delivery) -> None:
    async with delivery.db.transaction() as conn:
        await conn.execute(update(scheduled_emails).values(status="PENDING", lease_until=None))
        await conn.execute(update(mailboxes).values(next_allowed_at=None))
        await conn.exec_driver_sql("SET LOCAL ROLE none")
        await conn.execute(delete(mailbox_days))


@pytest.mark.parametrize(
    "limit",
    [
        {"daily_capacity": 1},
        {"hourly_limit": 1},
        {"sliding_window_limit": 1, "sliding_window_s": 60},
        {"minimum_gap_s": 60},
    ],
)
async def test_two_dispatchers_share_the_last_email_of_a_mailbox(
    delivery: Delivery, limit: dict[str, int]
) -> None:
    """Whoever is second finds the mailbox locked, or the reservation of the first."""
    await delivery.change(mailboxes, delivery.mailbox_id, **limit)
    await delivery.due(3)

    for _ in range(ROUNDS):
        claims = await asyncio.gather(*(delivery.claim() for _ in range(3)))

        assert sum(map(len, claims)) == 1
        day = await delivery.day()
        assert day is not None
        assert day[1] == 1
        await start_over(delivery)


async def test_two_dispatchers_never_claim_the_same_email(delivery: Delivery) -> None:
    """Their claims are disjoint and together complete."""
    due = set(await delivery.due())
    for _ in range(9):
        due.update(await delivery.due(mailbox_id=await delivery.mailbox()))

    for _ in range(ROUNDS):
        claims = await asyncio.gather(*(delivery.claimed(limit=4) for _ in range(4)))
        claims.append(await delivery.claimed())

        together = list(chain.from_iterable(claims))
        assert len(together) == len(set(together))
        assert set(together) == due
        await start_over(delivery)


async def test_a_claim_and_a_retry_share_the_last_place_of_a_day(delivery: Delivery) -> None:
    """Whoever is second finds the mailbox locked, or written since it was read."""
    await delivery.change(mailboxes, delivery.mailbox_id, daily_capacity=1)
    retry = await delivery.add(status="RETRYING", retry_at=NOW, attempt=1)
    await delivery.due(1)

    for _ in range(ROUNDS):
        claimed, admitted = await asyncio.gather(delivery.claim(), delivery.begin(Ticket(retry, 2)))

        assert len(claimed) + isinstance(admitted[retry], Attempt) == 1
        assert await delivery.day() == (1, 1, 0, 0)
        await start_over(delivery)
        async with delivery.db.transaction() as conn:
            again = update(scheduled_emails).where(scheduled_emails.c.id == retry)
            await conn.execute(
                again.values(status="RETRYING", retry_at=NOW, attempt=1, released_because=None)
            )
            await conn.execute(update(enrollments).values(planned_at=NOW))
            await conn.execute(update(mailboxes).values(last_attempt_at=None))


async def test_a_mailbox_that_was_written_since_it_was_read_is_left_for_the_next_claim(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry takes the last place of the day while a claim has read it, and not yet locked the mailbox."""
    await delivery.change(mailboxes, delivery.mailbox_id, daily_capacity=1)
    retry = await delivery.add(status="RETRYING", retry_at=NOW, attempt=1)
    (due,) = await delivery.due()
    read = b"        WHERE room.emails > 0\n"
    slow = b"        WHERE room.emails > 0 AND pg_sleep(0.5) IS NOT NULL\n"
    assert read in claims._CLAIM._query
    monkeypatch.setattr(claims._CLAIM, "_query", claims._CLAIM._query.replace(read, slow))

    claiming = asyncio.create_task(delivery.claimed())
    await asyncio.sleep(0.2)
    begun = (await delivery.begin(Ticket(retry, 2)))[retry]

    assert isinstance(begun, Attempt)
    assert (await claiming, await delivery.statuses(due)) == ([], ["PENDING"])
    assert await delivery.day() == (1, 1, 0, 0)


async def test_two_senders_with_copies_of_a_message_begin_once(delivery: Delivery) -> None:
    """Each email has one attempt, and one reservation."""
    due = await delivery.due(2)
    for _ in range(ROUNDS):
        claimed = await delivery.claim()
        tickets = [Ticket(each.email_id, each.attempt) for each in claimed]

        admissions = await asyncio.gather(delivery.begin(*tickets), delivery.begin(*reversed(tickets)))

        begun = [each for answers in admissions for each in answers.values() if isinstance(each, Attempt)]
        assert sorted(attempt.email_id for attempt in begun) == sorted(due)
        assert await delivery.day() == (30, 2, 0, 0)
        await start_over(delivery)


async def test_two_senders_do_not_use_the_same_room(delivery: Delivery) -> None:
    """Two retries come back at once where one more email fits on the day: the other is held."""
    await delivery.change(mailboxes, delivery.mailbox_id, daily_capacity=1)
    first, second = [await delivery.add(status="RETRYING", retry_at=NOW, attempt=1) for _ in range(2)]
    for _ in range(ROUNDS):
        answers = await asyncio.gather(delivery.begin(Ticket(first, 2)), delivery.begin(Ticket(second, 2)))

        kinds = {type(each) for answer in answers for each in answer.values()}
        held = [each.hold for answer in answers for each in answer.values() if isinstance(each, Held)]
        assert (kinds, held) == ({Attempt, Held}, [Hold.DAY_FULL])
        assert await delivery.day(TODAY) == (1, 1, 0, 0)
        await start_over(delivery)
        async with delivery.db.transaction() as conn:
            await conn.execute(update(scheduled_emails).values(status="RETRYING", retry_at=NOW, attempt=1))
            await conn.execute(update(enrollments).values(planned_at=NOW))


async def test_two_senders_do_not_exceed_the_cap_of_a_recipients_domain(delivery: Delivery) -> None:
    """Whoever is second reads, under the lock of the mailbox, what the first let pass."""
    await delivery.change(mailboxes, delivery.mailbox_id, recipient_domain_daily_cap=1)
    due = [*await delivery.due(contact={"email": "one@example.test"})]
    due += await delivery.due(contact={"email": "two@example.test"})
    for _ in range(ROUNDS):
        claimed = await delivery.claim()
        assert {each.email_id for each in claimed} == set(due)

        admissions = await asyncio.gather(
            *(delivery.begin(Ticket(each.email_id, each.attempt)) for each in claimed)
        )

        answers = [answer for each in admissions for answer in each.values()]
        assert sum(isinstance(answer, Attempt) for answer in answers) == 1
        [held] = [answer for answer in answers if isinstance(answer, Held)]
        assert held.hold is Hold.RECIPIENT_DOMAIN_FULL
        await start_over(delivery)
        async with delivery.db.transaction() as conn:
            await conn.execute(
                update(scheduled_emails).values(attempt=0, released_because=None, last_attempt_at=None)
            )
            await conn.execute(update(mailboxes).values(last_attempt_at=None))
