"""Plans with waits in minutes and working days, by example: office hours in Berlin, one mailbox."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from domain.enrollments import Enrollment
from domain.itineraries import MoveCause, PlannedEmail
from domain.plan import Plan
from domain.waits import Wait, WaitUnit
from tests.domain.planning_examples import NOW, OFFICE, berlin, causes, every, held_world
from tests.domain.planning_rules import breaches
from tests.domain.planning_world import World, enrolled, mailbox, sequence

HOUR = timedelta(hours=1)


def minutes(amount: int) -> Wait:
    return Wait(amount, WaitUnit.MINUTES)


def world_of(count: int, *waits: Wait, capacity: int = 30, gap_s: int = 1) -> World:
    box = mailbox(1, capacity=capacity, gap_s=gap_s)
    return World(NOW, (box,), tuple(enrolled(count, sequence(1, OFFICE, [box]), waits=waits, at=NOW)))


def step(made: Plan, number: int) -> list[PlannedEmail]:
    return [itinerary.emails[number] for itinerary in made.itineraries]


def instants(emails: list[PlannedEmail]) -> list[datetime]:
    return sorted(email.slot.send_at for email in emails if email.slot)


def test_the_soonest_slot_after_the_minutes_is_taken() -> None:
    """Slots are 16 minutes apart: 90 minutes after 09:00 is 10:30, and the next slot is at 10:36."""
    (itinerary,) = world_of(1, Wait(0), minutes(90)).plan().itineraries

    assert berlin(itinerary) == ["Mon 09:00", "Mon 10:36"]


def test_minutes_that_end_after_the_window_lead_to_the_next_one() -> None:
    """Nine hours after 09:00 the office is closed."""
    (itinerary,) = world_of(1, Wait(0), minutes(540)).plan().itineraries

    assert berlin(itinerary) == ["Mon 09:00", "Tue 09:00"]


def test_the_first_step_waits_from_the_enrollment() -> None:
    """Enrolled at 07:00: four hours later is 11:00."""
    (itinerary,) = world_of(1, minutes(240)).plan().itineraries

    assert berlin(itinerary) == ["Mon 11:08"]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8, 13, 15, 19, 28, 29, 30])
def test_emails_that_others_count_from_are_spread_evenly(count: int) -> None:
    """They get their instants one by one; the largest gap is still at most twice the mean."""
    made = world_of(count, Wait(0), minutes(24 * 60)).plan()

    times = instants(step(made, 0))
    assert len(set(times)) == count
    ends = [*times, times[0] + 8 * HOUR]
    assert max(later - earlier for earlier, later in pairwise(ends)) <= 2 * 8 * HOUR / count


@pytest.mark.parametrize("count", [1, 4, 11, 23, 30])
def test_those_whose_wait_ends_at_night_do_not_crowd_the_morning(count: int) -> None:
    """Nine hours later it is night for all; on the next day they are spread as evenly."""
    made = world_of(count, Wait(0), minutes(540)).plan()

    ends = [*(times := instants(step(made, 1))), times[0] + 8 * HOUR]
    assert len(times) == count
    assert max(later - earlier for earlier, later in pairwise(ends)) <= 2 * 8 * HOUR / count


def test_a_longer_wait_moves_what_it_breaks_and_a_shorter_one_nothing_for_less_than_a_day() -> None:
    """The step before it stays in any case."""
    held = world_of(5, Wait(0), minutes(60))
    held = held.holding(held.plan())

    def waiting(wait: Wait) -> World:
        def change(each: Enrollment) -> Enrollment:
            return replace(each, legs=(each.legs[0], each.legs[1]._replace(wait=wait)), may_gain=True)

        return every(held, change)

    longer, shorter = waiting(minutes(200)), waiting(minutes(5))

    assert causes(longer.plan()) == [MoveCause.WAIT_CHANGED] * 5
    assert breaches(longer, longer.plan()) == []
    assert causes(shorter.plan()) == []


def test_a_much_shorter_wait_pulls_forward() -> None:
    """From five days in minutes to two hours."""
    held = world_of(2, Wait(0), minutes(5 * 24 * 60))
    held = held.holding(held.plan())
    shorter = every(
        held,
        lambda each: replace(
            each, legs=(each.legs[0], each.legs[1]._replace(wait=minutes(120))), may_gain=True
        ),
    )

    made = shorter.plan()

    assert causes(made) == [MoveCause.EARLIER] * 2
    assert breaches(shorter, made) == []


def test_what_left_late_pushes_what_counts_from_it() -> None:
    """The first email left at 09:30 instead of 09:00; an hour from then no slot before 10:36 will do."""
    held = world_of(1, Wait(0), minutes(60))
    held = held.holding(held.plan())
    left_at = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    (enrollment,) = held.enrollments
    (first, second) = enrollment.legs
    assert (first.held, second.held) != (None, None)
    gone = replace(
        enrollment,
        legs=(second,),
        last_window_day=first.held.window_day if first.held else None,
        left_at=left_at,
    )
    after = replace(held, now=left_at + timedelta(seconds=1), enrollments=(gone,))

    (itinerary,) = after.plan().itineraries

    assert berlin(itinerary) == ["Mon 10:36"]
    assert causes(after.plan()) == [MoveCause.WAIT_CHANGED]


def test_emails_that_others_count_from_do_not_make_place() -> None:
    """A narrower window beside them gets other slots; nobody who waits is hurried."""
    held = world_of(10, Wait(0), minutes(30), capacity=0, gap_s=1200)
    held = held.holding(held.plan())
    noon = sequence(2, replace(OFFICE), held.mailboxes)
    fresh = enrolled(6, noon, waits=(Wait(0),), at=NOW)
    after = replace(held, enrollments=(*held.enrollments, *fresh))

    made = after.plan()

    assert breaches(after, made) == []
    assert causes(made) == []


def test_working_days_skip_the_weekend() -> None:
    """Two working days after Thursday is Monday; two days are Saturday."""
    thursday = datetime(2026, 11, 26, 6, tzinfo=UTC)
    held = held_world(1, waits=(0,))
    only = held.enrollments[0].sequence
    for wait, day in ((Wait(2, WaitUnit.WORKING_DAYS), "Mon 09:00"), (Wait(2), "Sat 09:00")):
        world = World(thursday, held.mailboxes, tuple(enrolled(1, only, waits=(Wait(0), wait), at=thursday)))

        (itinerary,) = world.plan().itineraries

        assert berlin(itinerary) == ["Thu 09:00", day]
