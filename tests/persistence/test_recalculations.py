"""Recalculations: taken up in turn, finished with their figures, and what they cancel."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from domain.ids import EmailId, EnrollmentId, MailboxId, RecalculationId
from domain.itineraries import MoveCause
from domain.recalculations import RecalculationCause
from persistence.ids import uuid7
from persistence.planned_emails import Move, Written
from persistence.recalculation_requests import request_recalculation
from persistence.recalculations import (
    Recalculation,
    begin_recalculations,
    cancel_by_policy,
    cancel_left_out,
    fail_recalculations,
    finish_recalculations,
    record_progress,
)
from persistence.tables import (
    email_moves,
    enrollments,
    mailboxes,
    recalculations,
    sequences,
    steps,
)
from tests.persistence.delivery import MINUTE, NOW, Delivery

DAY = timedelta(days=1)
REBALANCE = RecalculationCause.REBALANCE
CAPACITY = RecalculationCause.CAPACITY_CHANGED


async def request(
    delivery: Delivery, cause: RecalculationCause, mailbox_id: MailboxId | None = None
) -> RecalculationId:
    async with delivery.db.transaction() as conn:
        return await request_recalculation(
            conn, delivery.workspace_id, cause=cause, mailbox_id=mailbox_id, requested_by="test", now=NOW
        )


async def begin(delivery: Delivery) -> list[Recalculation]:
    async with delivery.db.transaction() as conn:
        return list(await begin_recalculations(conn, delivery.workspace_id, now=NOW))


async def finish(delivery: Delivery, *ids: RecalculationId) -> None:
    async with delivery.db.transaction() as conn:
        await finish_recalculations(conn, ids, first=ids[0], now=NOW + MINUTE)


async def row_of(delivery: Delivery, recalculation_id: RecalculationId) -> Any:
    async with delivery.db.transaction() as conn:
        return (
            await conn.execute(select(recalculations).where(recalculations.c.id == recalculation_id))
        ).one()


async def test_the_oldest_request_is_taken_up(delivery: Delivery) -> None:
    """One that was begun and never finished comes again before the next one."""
    first = await request(delivery, CAPACITY, delivery.mailbox_id)
    expected = [Recalculation(first, CAPACITY, None, delivery.mailbox_id)]

    begun = await begin(delivery)
    second = await request(delivery, REBALANCE)
    assert (begun, await begin(delivery)) == (expected, expected)
    row = await row_of(delivery, first)
    assert (row.status, row.started_at, row.part_of_id) == ("RUNNING", NOW, None)

    await finish(delivery, first)
    assert await begin(delivery) == [Recalculation(second, REBALANCE, None, None)]
    async with delivery.db.transaction() as conn:
        await fail_recalculations(conn, [second], error="RuntimeError", now=NOW + 2 * MINUTE)
    assert await begin(delivery) == []


async def test_requests_that_wait_are_taken_up_together(delivery: Delivery) -> None:
    """As parts of the oldest; the night's is carried out alone, and so is a promised plan."""
    first = await request(delivery, CAPACITY, delivery.mailbox_id)
    second = await request(delivery, RecalculationCause.STEPS_CHANGED)
    night = await request(delivery, RecalculationCause.NIGHTLY)
    promised = await request(delivery, REBALANCE)
    details = {"promised": "00", "as_of": NOW.isoformat(), "mailbox_ids": []}
    await delivery.change(recalculations, promised, details=details)
    last = await request(delivery, RecalculationCause.MAILBOX_ADDED)

    taken_up = []
    while begun := [each.id for each in await begin(delivery)]:
        taken_up.append(begun)
        await finish(delivery, *begun)

    assert taken_up == [[first, second], [night], [promised], [last]]
    rows = [await row_of(delivery, each) for each in (first, second, night, promised, last)]
    assert [row.part_of_id for row in rows] == [None, first, None, None, None]


async def test_turns_add_up_to_what_was_changed(delivery: Delivery) -> None:
    """In emails: what an earlier turn moved is not unchanged because a later one let it be."""
    ids = [await request(delivery, CAPACITY), await request(delivery, REBALANCE)]
    await begin(delivery)
    move = Move(EmailId(uuid7()), NOW, MoveCause.LATE)
    turns = [
        (Written(placed=1, moves=[move] * 3, unchanged=5, cancelled=4), (12, 9, 3, 5, 4, 0)),
        (Written(moves=[move], unchanged=11, infeasible=2), (12, 12, 4, 7, 4, 2)),
    ]

    shown = []
    for written, _ in turns:
        async with delivery.db.transaction() as conn:
            await record_progress(conn, ids, written, total=12)
        rows = [await row_of(delivery, each) for each in ids]
        shown.append({(row.total, row.done, *_figures(row)) for row in rows})

    assert shown == [{figures} for _, figures in turns]


def _figures(row: Any) -> tuple[int, ...]:
    return (row.moved, row.unchanged, row.cancelled, row.infeasible)


async def test_a_finished_one_says_how_long_what_moved_is_put_off(delivery: Delivery) -> None:
    """In seconds, but for what only made room inside its own window, and what has no time any more."""
    recalculation_id = await request(delivery, REBALANCE)
    email_id = await delivery.add()
    delays = [(-1, "LATE"), (1, "LATE"), (4, "LATE"), (9, "NARROWER_WINDOW"), (None, "LATE")]
    async with delivery.db.transaction() as conn:
        for hours, cause in delays:
            to = None if hours is None else NOW + timedelta(hours=hours)
            times = {"from_send_at": NOW, "to_send_at": to, "at": NOW}
            whose = {"workspace_id": delivery.workspace_id, "email_id": email_id}
            its = {"recalculation_id": recalculation_id, "cause": cause}
            await conn.execute(insert(email_moves).values(whose | its | times))

    await finish(delivery, recalculation_id)

    row = await row_of(delivery, recalculation_id)
    assert (row.status, row.finished_at) == ("COMPLETED", NOW + MINUTE)
    assert (row.median_delay_s, row.max_delay_s) == (3600, 14400)


async def test_one_that_moved_nothing_has_no_delay(delivery: Delivery) -> None:
    """Rather than one of zero."""
    recalculation_id = await request(delivery, REBALANCE)

    await finish(delivery, recalculation_id)

    row = await row_of(delivery, recalculation_id)
    assert (row.moved, row.median_delay_s, row.max_delay_s) == (0, None, None)


async def test_a_failed_one_says_why_and_a_finished_one_stays_finished(delivery: Delivery) -> None:
    """Whoever comes too late changes nothing."""
    failed, finished = await request(delivery, REBALANCE), await request(delivery, CAPACITY)
    await finish(delivery, finished)

    async with delivery.db.transaction() as conn:
        await fail_recalculations(conn, [failed, finished], error="RuntimeError", now=NOW + 2 * MINUTE)

    rows = [await row_of(delivery, each) for each in (failed, finished)]
    assert [(row.status, row.error, row.finished_at) for row in rows] == [
        ("FAILED", "RuntimeError", NOW + 2 * MINUTE),
        ("COMPLETED", None, NOW + MINUTE),
    ]


async def left_out(delivery: Delivery, *ids: EnrollmentId) -> int:
    async with delivery.db.transaction() as conn:
        return await cancel_left_out(conn, delivery.workspace_id, ids, now=NOW)


async def test_the_pending_emails_of_steps_that_are_never_sent_are_cancelled(delivery: Delivery) -> None:
    """Removed, or moved in front of what comes next; of those asked for, and only what is pending."""
    passed = await delivery.add(enrollment={"next_position": 2})
    owner = EnrollmentId((await delivery.email(passed)).enrollment_id)
    following = await delivery.add(owner, position=2, send_at=NOW + 2 * DAY)
    sending = await delivery.add(status="SENDING", enrollment={"next_position": 2})
    other = EnrollmentId((await delivery.email(sending)).enrollment_id)

    assert await left_out(delivery, other) == 0
    assert await left_out(delivery, owner, other) == 1
    assert await delivery.statuses(passed, following, sending) == ["CANCELLED", "PENDING", "SENDING"]
    assert await delivery.events(passed) == [("CANCEL", "LEFT_OUT")]

    async with delivery.db.transaction() as conn:
        await conn.execute(update(steps).where(steps.c.position == 2).values(position=None, removed_at=NOW))
    assert await left_out(delivery, owner) == 1
    assert await delivery.statuses(following) == ["CANCELLED"]


@pytest.mark.parametrize(
    ("status", "policy", "cancels"),
    [
        ("ACTIVE", {"when_mailbox_paused": "CANCEL", "when_mailbox_removed": "CANCEL"}, False),
        ("PAUSED", {"when_mailbox_paused": "CANCEL"}, True),
        ("BLOCKED", {"when_mailbox_paused": "CANCEL"}, True),
        ("NEEDS_AUTH", {"when_mailbox_paused": "CANCEL"}, True),
        ("PAUSED", {"when_mailbox_removed": "CANCEL"}, False),
        ("REMOVED", {"when_mailbox_removed": "CANCEL"}, True),
        ("REMOVED", {"when_mailbox_paused": "CANCEL"}, False),
        ("UNLINKED", {"when_mailbox_removed": "CANCEL"}, True),
        ("UNLINKED", {"when_mailbox_paused": "CANCEL"}, False),
    ],
)
async def test_a_sequence_may_cancel_what_its_mailbox_cannot_send(
    delivery: Delivery, status: str, policy: dict[str, str], cancels: bool
) -> None:
    """The enrollments bound to it end, with all that is pending of them; the sequence with the last one."""
    await delivery.change(sequences, delivery.sequence_id, **policy)
    first = await delivery.add()
    owner = EnrollmentId((await delivery.email(first)).enrollment_id)
    await delivery.add(owner, position=2, send_at=NOW + 2 * DAY)
    other = await delivery.mailbox()
    if status == "UNLINKED":
        await delivery.link_only(other)
    else:
        await delivery.change(mailboxes, delivery.mailbox_id, status=status)

    async with delivery.db.transaction() as conn:
        cancelled = await cancel_by_policy(conn, delivery.workspace_id, [owner], now=NOW)

    async with delivery.db.transaction() as conn:
        sequence_status = await conn.scalar(select(sequences.c.status))
        owner_status = await conn.scalar(select(enrollments.c.status))
    expected = (2, "CANCELLED", "COMPLETED") if cancels else (0, "ACTIVE", "ACTIVE")
    assert (cancelled, owner_status, sequence_status) == expected


async def test_only_those_who_are_held_are_cancelled(delivery: Delivery) -> None:
    """The others come with a request of their own."""
    await delivery.change(sequences, delivery.sequence_id, when_mailbox_paused="CANCEL")
    await delivery.change(mailboxes, delivery.mailbox_id, status="PAUSED")
    due = await delivery.due(2)
    held = EnrollmentId((await delivery.email(due[0])).enrollment_id)

    async with delivery.db.transaction() as conn:
        assert await cancel_by_policy(conn, delivery.workspace_id, [held], now=NOW) == 1

    assert await delivery.statuses(*due) == ["CANCELLED", "PENDING"]
