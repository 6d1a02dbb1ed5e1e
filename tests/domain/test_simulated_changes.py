"""Simulations in which mailboxes are paused, removed and given other capacities."""

from datetime import date, timedelta

from domain.itineraries import MoveCause, UnplacedReason
from domain.recalculations import RecalculationCause
from domain.simulation import simulate
from tests.domain.simulated_office import (
    FRIDAY,
    MONDAY,
    NORTH,
    SOUTH,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    by_mailbox,
    change,
    per_day,
    welcome,
)


def test_a_mailbox_removed_on_the_second_day_hands_its_emails_over() -> None:
    """Its 60 follow-ups wait for room at the two others, which are full on Wednesday and Thursday."""
    removed = change(2, RecalculationCause.MAILBOX_REMOVED, SOUTH)

    simulated = simulate(welcome(removed))

    assert by_mailbox(simulated, SOUTH) == {MONDAY: 30}
    assert per_day(simulated) == {
        MONDAY: 90,
        WEDNESDAY: 60,
        THURSDAY: 60,
        FRIDAY: 30,
        date(2026, 11, 30): 30,
    }
    assert simulated.effects[1].changes == (removed,)
    assert simulated.effects[1].moved == {MoveCause.MAILBOX_HANDED_OVER: 60}
    # From Thursday 26 to Monday 30 at the same hour.
    assert simulated.effects[1].longest_delay == timedelta(days=4)
    assert next(iter(simulated.progress.values())).finished == 90


def test_a_capacity_raised_on_the_second_day_starts_the_rest_earlier() -> None:
    """Of 120 contacts at 30 a day the last 30 had Thursday; with 90 a day they leave on Tuesday."""
    raised = change(2, RecalculationCause.CAPACITY_CHANGED, NORTH, 90)

    simulated = simulate(welcome(raised, contacts=120, boxes=(NORTH,), waits=(0,)))

    # Who gains no more than a day keeps Wednesday.
    assert per_day(simulated) == {MONDAY: 30, TUESDAY: 60, WEDNESDAY: 30}
    assert simulated.effects[1].moved == {MoveCause.EARLIER: 30}
    assert simulated.effects[1].longest_delay == timedelta()


def test_a_lowered_capacity_moves_the_overflow_of_each_day() -> None:
    """Of 60 contacts at 30 a day, 30 left on Monday; from Tuesday on, 20 a day may leave."""
    lowered = change(2, RecalculationCause.CAPACITY_CHANGED, NORTH, 20)

    simulated = simulate(welcome(lowered, contacts=60, boxes=(NORTH,), waits=(0,)))

    assert per_day(simulated) == {MONDAY: 30, TUESDAY: 20, WEDNESDAY: 10}
    assert simulated.effects[1].moved == {MoveCause.CAPACITY_LOWERED: 10}


def test_the_emails_of_a_paused_mailbox_leave_when_it_is_resumed() -> None:
    """Paused from Wednesday to Friday: what was late leaves on Friday, the step after it on Monday."""
    paused = change(3, RecalculationCause.MAILBOX_PAUSED, NORTH)
    resumed = change(5, RecalculationCause.MAILBOX_RESUMED, NORTH)

    simulated = simulate(welcome(paused, resumed, contacts=30, boxes=(NORTH,)))

    assert per_day(simulated) == {MONDAY: 30, FRIDAY: 30, date(2026, 11, 30): 30}
    assert simulated.effects[1].moved == {}
    assert simulated.effects[2].moved == {MoveCause.LATE: 60}
    assert simulated.unsent == {}


def test_emails_that_wait_for_a_mailbox_to_come_back_are_not_sent() -> None:
    """The others are served; nobody is moved."""
    paused = change(2, RecalculationCause.MAILBOX_PAUSED, SOUTH)

    simulated = simulate(welcome(paused))

    assert per_day(simulated) == {MONDAY: 90, WEDNESDAY: 60, THURSDAY: 60}
    assert simulated.unsent == {UnplacedReason.MAILBOX_UNAVAILABLE: 60}
    assert next(iter(simulated.progress.values())).unfinished == 30


def test_emails_lose_their_time_when_the_last_mailbox_is_removed() -> None:
    """Each follow-up of the second step has no mailbox, and the third waits for it."""
    removed = change(2, RecalculationCause.MAILBOX_REMOVED, NORTH)

    simulated = simulate(welcome(removed, contacts=10, boxes=(NORTH,)))

    assert per_day(simulated) == {MONDAY: 10}
    assert (simulated.effects[1].moved, simulated.effects[1].lost) == ({}, 20)
    assert simulated.unsent == {UnplacedReason.NO_MAILBOX: 10, UnplacedReason.WAITS_FOR_STEP: 10}
