"""Circuits: one count for all processes, and what it keeps from being claimed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from domain.circuit import Circuit, Encounter
from domain.delivery import RETRY_SCHEDULE
from domain.gate import Hold
from domain.ids import MailboxId
from persistence.attempts import Attempt, Held, Ticket
from persistence.circuits import Switched, note_encounters
from persistence.pending_work import find_work
from persistence.tables import mailboxes
from tests.persistence.delivery import MINUTE, NOW, Delivery

TROUBLE, ANSWER = Encounter("TIMEOUT"), Encounter()
SECOND = timedelta(seconds=1)


async def note(
    delivery: Delivery, *encounters: Encounter | tuple[MailboxId, Encounter], now: datetime = NOW
) -> Sequence[Switched]:
    """Contacts of the delivery's mailbox, unless they are given with theirs."""
    told = [each if isinstance(each, tuple) else (delivery.mailbox_id, each) for each in encounters]
    async with delivery.db.transaction() as conn:
        return await note_encounters(conn, told, now=now, schedule=RETRY_SCHEDULE)


async def circuit_of(delivery: Delivery, mailbox_id: MailboxId | None = None) -> tuple[object, ...]:
    columns = mailboxes.c
    chosen = mailboxes.select().where(columns.id == (mailbox_id or delivery.mailbox_id))
    async with delivery.db.transaction() as conn:
        row = (await conn.execute(chosen)).one()
    return row.host_troubles, row.host_rests_until, row.host_error


async def open_circuit(delivery: Delivery, *, until: datetime) -> None:
    await delivery.change(mailboxes, delivery.mailbox_id, host_troubles=3, host_rests_until=until)


async def test_the_third_trouble_opens_the_circuit(delivery: Delivery) -> None:
    """Whichever process meets it; it is told once."""
    switched = [await note(delivery, TROUBLE) for _ in range(3)]

    opened = Switched(delivery.mailbox_id, Circuit(3, NOW + 5 * MINUTE))
    assert switched == [[], [], [opened]]
    assert await circuit_of(delivery) == (3, NOW + 5 * MINUTE, "TIMEOUT")


async def test_troubles_of_one_group_count_one_by_one(delivery: Delivery) -> None:
    """In their order, and each mailbox for itself; one that is well is not touched."""
    other, well = await delivery.mailbox(), await delivery.mailbox()

    switched = await note(
        delivery, TROUBLE, (other, TROUBLE), TROUBLE, (other, ANSWER), (well, ANSWER), TROUBLE
    )

    assert [each.mailbox_id for each in switched] == [delivery.mailbox_id]
    assert await circuit_of(delivery) == (3, NOW + 5 * MINUTE, "TIMEOUT")
    assert await circuit_of(delivery, other) == await circuit_of(delivery, well) == (0, None, None)


async def test_an_answer_closes_the_circuit_once(delivery: Delivery) -> None:
    """The next one has nothing to close."""
    await note(delivery, TROUBLE, TROUBLE, TROUBLE)

    switched = [await note(delivery, ANSWER, now=NOW + 5 * MINUTE) for _ in range(2)]

    assert switched == [[Switched(delivery.mailbox_id, Circuit())], []]
    assert await circuit_of(delivery) == (0, None, None)


async def test_nothing_is_claimed_while_the_circuit_is_open(delivery: Delivery) -> None:
    """Nor is the dispatcher set off for it; other mailboxes go on, and nothing is spent."""
    mine = await delivery.due(3)
    (theirs,) = await delivery.due(mailbox_id=await delivery.mailbox())
    await open_circuit(delivery, until=NOW + MINUTE)

    assert await delivery.claimed() == [theirs]
    async with delivery.db.transaction() as conn:
        assert not (await find_work(conn, now=NOW, grace=MINUTE)).has_due
        assert (await find_work(conn, now=NOW + MINUTE, grace=MINUTE)).has_due
    assert await delivery.statuses(*mine) == ["PENDING"] * 3
    assert await delivery.day() is None


async def test_what_is_queued_when_the_circuit_opens_is_given_back(delivery: Delivery) -> None:
    """Its budget too; it keeps its slot, and is taken up again when the rest is over."""
    queued = await delivery.due(2)
    await delivery.claim()
    await open_circuit(delivery, until=NOW + MINUTE)

    admitted = await delivery.begin(*[Ticket(each, 1) for each in queued])

    assert admitted == {each: Held(each, Hold.HOST_UNAVAILABLE) for each in queued}
    emails = [await delivery.email(each) for each in queued]
    assert {(email.status, email.attempt, email.retry_count) for email in emails} == {("PENDING", 0, 0)}
    assert {(email.send_at, email.released_because) for email in emails} == {(NOW, None)}
    assert await delivery.day() == (30, 0, 0, 0)
    assert len(await delivery.claimed(now=NOW + MINUTE)) == 1


async def test_one_email_alone_tries_a_host_whose_rest_is_over(delivery: Delivery) -> None:
    """Nothing more is claimed while it is queued or under way; retries that come back then go back."""
    due = await delivery.due(3)
    retrying = await delivery.add(status="RETRYING", attempt=1, retry_at=NOW)
    await open_circuit(delivery, until=NOW)

    (probe,) = await delivery.claim()
    assert await delivery.claimed() == []
    admitted = await delivery.begin(Ticket(probe.email_id, 1), Ticket(retrying, 2))

    assert isinstance(admitted[probe.email_id], Attempt)
    assert admitted[retrying] == Held(retrying, Hold.MAILBOX_BUSY)
    assert await delivery.claimed() == []
    assert sorted(await delivery.statuses(*due)) == ["PENDING", "PENDING", "SENDING"]


@pytest.mark.parametrize("early_s", [0, 3])
async def test_an_email_that_comes_back_with_the_end_of_the_rest_may_try_the_host(
    delivery: Delivery, early_s: int
) -> None:
    """Its wait may end a moment early, by the clock of another machine."""
    retrying = await delivery.add(status="RETRYING", attempt=1, retry_at=NOW)
    await open_circuit(delivery, until=NOW)

    admitted = await delivery.begin(Ticket(retrying, 2), now=NOW - early_s * SECOND)

    attempt = admitted[retrying]
    assert isinstance(attempt, Attempt)
    assert attempt.host_troubles == 3
