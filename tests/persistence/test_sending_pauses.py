"""Sending put on hold for a whole workspace: nothing leaves, no wait runs, and nothing bursts afterwards."""

import asyncio
from datetime import timedelta

import pytest

from domain.gate import Hold
from domain.keeping import LATE_AFTER
from domain.lifecycle import SequenceEvent
from persistence.attempts import Held, Ticket
from persistence.database import Database
from persistence.enrollment_moves import pause_enrollment, resume_enrollment
from persistence.open_enrollments import reopen_late
from persistence.pending_work import find_work
from persistence.refusals import NotInStatus, Noun
from persistence.sending_pauses import pause_sending, resume_sending
from persistence.sequences import move_sequence
from tests.persistence.delivery import MINUTE, NOW, TODAY, Delivery
from tests.support.world import make_workspace

DAY = timedelta(days=1)


class Switch:
    """What an operator does, at a day counted from `NOW`."""

    def __init__(self, delivery: Delivery, api_db: Database) -> None:
        self.delivery, self.api_db = delivery, api_db

    async def pause(self, *, day: float = 0) -> None:
        async with self.api_db.transaction(self.delivery.workspace_id) as conn:
            await pause_sending(conn, self.delivery.workspace_id, now=NOW + day * DAY)

    async def resume(self, *, day: float = 0) -> None:
        async with self.api_db.transaction(self.delivery.workspace_id) as conn:
            await resume_sending(conn, self.delivery.workspace_id, now=NOW + day * DAY)


@pytest.fixture
def switch(delivery: Delivery, api_db: Database) -> Switch:
    return Switch(delivery, api_db)


async def test_nothing_is_claimed_while_sending_is_paused(delivery: Delivery, switch: Switch) -> None:
    """What is due stays in the plan as it is, and is taken up when sending goes on."""
    (due,) = await delivery.due()

    await switch.pause()
    paused = await delivery.claimed()
    await switch.resume()

    assert (paused, await delivery.claimed()) == ([], [due])


async def test_the_gate_gives_back_what_was_claimed_before(delivery: Delivery, switch: Switch) -> None:
    """With its budget; the planner is not asked, so it keeps its time."""
    (due,) = await delivery.due()
    [claimed] = await delivery.claim()
    await switch.pause()

    admitted = await delivery.begin(Ticket(due, claimed.attempt))

    email = await delivery.email(due)
    assert admitted == {due: Held(due, Hold.SENDING_PAUSED)}
    assert (email.status, email.send_at, email.released_because) == ("PENDING", NOW, None)
    assert (await delivery.enrollment_of(due)).planned_at == NOW
    assert await delivery.day() == (30, 0, 0, 0)


async def test_no_email_passes_the_point_of_no_return(delivery: Delivery, switch: Switch) -> None:
    """Though its attempt had begun."""
    (due,) = await delivery.due()
    attempt = await delivery.begun(due)
    await switch.pause()

    assert await delivery.commit(attempt) == frozenset()
    assert await delivery.statuses(due) == ["SENDING"]


async def test_a_handover_comes_wholly_before_a_pause_or_wholly_after(
    delivery: Delivery, switch: Switch, api_db: Database
) -> None:
    """While a pause is being written, the point of no return waits for its outcome."""
    (due,) = await delivery.due()
    attempt = await delivery.begun(due)
    async with api_db.transaction(delivery.workspace_id) as conn:
        await pause_sending(conn, delivery.workspace_id, now=NOW)
        committing = asyncio.create_task(delivery.commit(attempt))
        done, _ = await asyncio.wait([committing], timeout=0.2)
        assert done == set()

    assert await committing == frozenset()


async def test_other_workspaces_send_on(delivery: Delivery, switch: Switch, worker_db: Database) -> None:
    """Each has a pause of its own."""
    (due,) = await delivery.due()
    async with worker_db.transaction() as conn:
        other = await make_workspace(conn)
    async with switch.api_db.transaction(other) as conn:
        await pause_sending(conn, other, now=NOW)

    assert await delivery.claimed() == [due]


async def test_the_clock_finds_nothing_to_do(delivery: Delivery, switch: Switch) -> None:
    """Neither for the dispatcher nor, of what is late by now, for the planner."""
    (due,) = await delivery.due()
    await switch.pause()
    late = NOW + LATE_AFTER + MINUTE

    async with delivery.db.transaction() as conn:
        at_once = await find_work(conn, now=NOW, grace=2 * MINUTE)
        later = await find_work(conn, now=late, grace=2 * MINUTE)
        reopened = await reopen_late(conn, delivery.workspace_id, late_since=late - LATE_AFTER)

    assert (at_once.has_due, later.has_due, later.to_plan, reopened) == (False, False, (), 0)
    await switch.resume(day=1)
    async with delivery.db.transaction() as conn:
        after = await find_work(conn, now=NOW + DAY, grace=2 * MINUTE)
        assert (after.has_due, after.to_plan) == (False, (delivery.workspace_id,))
        assert await reopen_late(conn, delivery.workspace_id, late_since=NOW + DAY - LATE_AFTER) == 1
    assert (await delivery.email(due)).send_at == NOW


@pytest.mark.parametrize(
    ("own", "paused", "resumed", "days"),
    [
        # Nobody else, a sequence and an enrollment that are on hold besides, from one day to another.
        (None, 0, 0, 4),
        ("sequence", -2, 2, 6),
        ("sequence", -2, 7, 9),
        ("sequence", 1, 2, 4),
        ("sequence", 1, 7, 7),
        ("enrollment", -2, 2, 6),
        ("enrollment", -2, 7, 9),
        ("enrollment", 1, 2, 4),
        ("enrollment", 1, 7, 7),
    ],
)
async def test_days_on_hold_count_once(
    delivery: Delivery, switch: Switch, own: str | None, paused: int, resumed: int, days: int
) -> None:
    """All sending is paused for four days; waits are longer by every day on which anything held them."""
    started = {"next_position": 2, "last_window_day": TODAY, "enrolled_at": NOW - 30 * DAY}
    put_off = {"next_not_before": NOW + DAY}
    follow_up = await delivery.add(position=2, enrollment=started | put_off)
    enrollment_id = (await delivery.enrollment_of(follow_up)).id

    async def hold(day: int, *, goes_on: bool) -> None:
        async with delivery.db.transaction() as conn:
            if own == "sequence":
                event = SequenceEvent.RESUME if goes_on else SequenceEvent.PAUSE
                await move_sequence(
                    conn, delivery.workspace_id, delivery.sequence_id, event=event, now=NOW + day * DAY
                )
            elif own == "enrollment":
                move = resume_enrollment if goes_on else pause_enrollment
                await move(conn, delivery.workspace_id, enrollment_id, now=NOW + day * DAY)

    for day in sorted({0, 4, paused, resumed}):
        if day == 0:
            await switch.pause()
        if day == paused:
            await hold(day, goes_on=False)
        if day == 4:
            await switch.resume(day=4)
        if day == resumed:
            await hold(day, goes_on=True)

    enrollment = await delivery.enrollment_of(follow_up)
    assert enrollment.last_window_day == TODAY + days * DAY
    assert enrollment.next_not_before == NOW + (1 + days) * DAY


async def test_who_was_not_written_to_yet_waits_for_nothing(delivery: Delivery, switch: Switch) -> None:
    """A batch still starts when it is to start."""
    starts_at = NOW + 10 * DAY
    first = await delivery.add(enrollment={"next_not_before": starts_at})

    await switch.pause()
    await switch.resume(day=4)

    assert (await delivery.enrollment_of(first)).next_not_before == starts_at


async def test_a_pause_is_neither_repeated_nor_ended_twice(delivery: Delivery, switch: Switch) -> None:
    """The first instant counts."""
    with pytest.raises(NotInStatus) as running:
        await switch.resume()
    await switch.pause()
    with pytest.raises(NotInStatus) as paused:
        await switch.pause(day=1)

    assert (running.value.noun, running.value.status, paused.value.status) == (
        Noun.WORKSPACE,
        "ACTIVE",
        "PAUSED",
    )
