"""The time that a sequence was paused, and the waits that it does not count towards."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.ids import EmailId, EnrollmentId
from domain.lifecycle import SequenceEvent
from persistence.enrollment_moves import pause_enrollment, resume_enrollment
from persistence.next_positions import refresh_next_positions
from persistence.replanning import replan
from persistence.sending_pauses import pause_sending, resume_sending
from persistence.sequences import move_sequence
from persistence.tables import steps
from tests.persistence.delivery import NOW, TODAY, Delivery

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def sequence(delivery: Delivery, event: SequenceEvent, *, at: datetime) -> None:
    async with delivery.db.transaction() as conn:
        await move_sequence(conn, delivery.workspace_id, delivery.sequence_id, event=event, now=at)


async def waiting(delivery: Delivery, **enrollment: Any) -> EmailId:
    """A follow-up whose wait counts from today."""
    started = {"next_position": 2, "last_window_day": TODAY, "enrolled_at": NOW - 30 * DAY}
    return await delivery.add(position=2, enrollment=started | enrollment)


async def counts_from(delivery: Delivery, email_id: EmailId) -> date | None:
    day: date | None = (await delivery.enrollment_of(email_id)).last_window_day
    return day


@pytest.mark.parametrize(("pause", "days"), [(HOUR, 0), (DAY - HOUR, 0), (3 * DAY + HOUR, 3)])
async def test_a_wait_is_longer_by_the_whole_days_of_a_pause(
    delivery: Delivery, pause: timedelta, days: int
) -> None:
    """And an instant before which nothing leaves, by all of it."""
    first = await waiting(delivery)
    put_off = await waiting(delivery, next_not_before=NOW)

    await sequence(delivery, SequenceEvent.PAUSE, at=NOW)
    await sequence(delivery, SequenceEvent.RESUME, at=NOW + pause)

    assert await counts_from(delivery, first) == TODAY + days * DAY
    assert (await delivery.enrollment_of(first)).next_not_before is None
    assert (await delivery.enrollment_of(put_off)).next_not_before == NOW + pause


async def hold_sequence(delivery: Delivery, _: EnrollmentId, *, since: datetime, until: datetime) -> None:
    await sequence(delivery, SequenceEvent.PAUSE, at=since)
    await sequence(delivery, SequenceEvent.RESUME, at=until)


async def hold_enrollment(
    delivery: Delivery, enrollment_id: EnrollmentId, *, since: datetime, until: datetime
) -> None:
    for move, now in ((pause_enrollment, since), (resume_enrollment, until)):
        async with delivery.db.transaction() as conn:
            await move(conn, delivery.workspace_id, enrollment_id, now=now)


async def hold_sending(delivery: Delivery, _: EnrollmentId, *, since: datetime, until: datetime) -> None:
    for move, now in ((pause_sending, since), (resume_sending, until)):
        async with delivery.db.transaction() as conn:
            # The API's part; the worker's role may not.
            await conn.execute(text("SET LOCAL ROLE none"))
            await move(conn, delivery.workspace_id, now=now)


@pytest.mark.parametrize("hold", [hold_sequence, hold_enrollment, hold_sending])
async def test_a_first_email_waits_for_the_plan_of_its_longer_wait(
    delivery: Delivery, hold: Callable[..., Awaitable[None]]
) -> None:
    """What is due when a hold ends might leave before its wait is over, did the claim not wait."""
    resumed_at = NOW + 3 * DAY
    due = await delivery.add(send_at=resumed_at - 2 * MINUTE)
    later = await delivery.add(send_at=resumed_at + 10 * MINUTE)
    enrollment_id = EnrollmentId((await delivery.enrollment_of(due)).id)

    await hold(delivery, enrollment_id, since=NOW, until=resumed_at)

    assert await delivery.claimed(now=resumed_at) == []
    assert (await delivery.enrollment_of(due)).planned_at is None
    assert (await delivery.enrollment_of(later)).planned_at == NOW
    async with delivery.db.transaction() as conn:
        await replan(conn, delivery.workspace_id, [enrollment_id], now=resumed_at)
    assert await delivery.claimed(now=resumed_at) == [due]


async def test_who_joined_during_a_pause_has_waited_since_then(delivery: Delivery) -> None:
    """Of four days it was there for two."""
    joined = await waiting(delivery, enrolled_at=NOW + 2 * DAY)

    await sequence(delivery, SequenceEvent.PAUSE, at=NOW)
    await sequence(delivery, SequenceEvent.RESUME, at=NOW + 4 * DAY)

    assert await counts_from(delivery, joined) == TODAY + 2 * DAY


@pytest.mark.parametrize(
    ("paused", "resumed", "days"),
    [(-2, 2, 6), (-2, 7, 9), (1, 2, 4), (1, 7, 7), (-3, -1, 6)],
)
async def test_days_of_two_pauses_at_once_count_once(
    delivery: Delivery, paused: int, resumed: int, days: int
) -> None:
    """The sequence is paused for four days, the enrollment from *paused* to *resumed*."""
    follow_up = await waiting(delivery)
    held = EnrollmentId((await delivery.enrollment_of(follow_up)).id)
    moves = {
        0: (SequenceEvent.PAUSE, None),
        4: (SequenceEvent.RESUME, None),
        paused: (None, pause_enrollment),
        resumed: (None, resume_enrollment),
    }
    for day in sorted(moves):
        event, move = moves[day]
        if event is not None:
            await sequence(delivery, event, at=NOW + day * DAY)
        if move is not None:
            async with delivery.db.transaction() as conn:
                await move(conn, delivery.workspace_id, held, now=NOW + day * DAY)

    assert await counts_from(delivery, follow_up) == TODAY + days * DAY


async def test_who_has_not_started_waits_longer_by_the_time_on_hold(delivery: Delivery) -> None:
    """Nothing has left that its wait could count from; so the hold itself is remembered."""
    (first,) = await delivery.due()

    await sequence(delivery, SequenceEvent.PAUSE, at=NOW)
    await sequence(delivery, SequenceEvent.RESUME, at=NOW + 4 * DAY)

    assert await counts_from(delivery, first) is None
    assert (await delivery.enrollment_of(first)).held_for == 4 * DAY


async def test_two_holds_of_half_a_day_are_a_day(delivery: Delivery) -> None:
    """A wait in days counts the whole days of all of them, not of each."""
    follow_up = await waiting(delivery)

    for day in (0, 1):
        await sequence(delivery, SequenceEvent.PAUSE, at=NOW + day * DAY)
        await sequence(delivery, SequenceEvent.RESUME, at=NOW + day * DAY + 13 * HOUR)

    assert await counts_from(delivery, follow_up) == TODAY + DAY
    assert (await delivery.enrollment_of(follow_up)).held_for == 26 * HOUR


async def test_a_change_of_steps_does_not_forget_the_time_on_hold(delivery: Delivery) -> None:
    """The end of a wait in minutes is counted anew then, and the hold with it."""
    (first,) = await delivery.due()
    enrollment_id = EnrollmentId((await delivery.enrollment_of(first)).id)
    follow_up = await delivery.add(enrollment_id, position=2)
    step_id = (await delivery.email(follow_up)).step_id
    await delivery.change(steps, step_id, wait_days=None, wait_minutes=120)
    await delivery.sent(first)
    await sequence(delivery, SequenceEvent.PAUSE, at=NOW)
    await sequence(delivery, SequenceEvent.RESUME, at=NOW + 3 * HOUR)

    async with delivery.db.transaction() as conn:
        await refresh_next_positions(conn, delivery.workspace_id, delivery.sequence_id)

    assert (await delivery.enrollment_of(follow_up)).next_not_before == NOW + 5 * HOUR
