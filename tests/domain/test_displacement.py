"""Displacement: a small sequence beside a big one that has every place for weeks."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.enrollments import Enrollment
from domain.ids import EnrollmentId
from domain.itineraries import MoveCause
from domain.mailboxes import Mailbox
from domain.plan import Plan
from domain.send_window import Calendar
from domain.sequences import Sequence
from domain.yielding import with_yielding
from tests.domain.planning_examples import NOW, OFFICE, causes
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import BERLIN, World, enrolled, hours, mailbox, sequence

BOX = mailbox(1)
MONDAY = date(2026, 11, 23)


def crowd(
    number: int,
    *,
    waits: tuple[int, ...] = (0,),
    boxes: Iterable[Mailbox] = (BOX,),
    calendar: Calendar = OFFICE,
) -> World:
    """*number* contacts of a big sequence, planned already."""
    big = sequence(1, calendar, boxes)
    world = World(NOW, tuple(boxes), tuple(enrolled(number, big, waits=waits, at=NOW)))
    return world.holding(world.plan())


def joined(world: World, newcomers: Iterable[Enrollment]) -> World:
    """*world* and *newcomers*, those who give way marked."""
    return replace(world, enrollments=tuple(with_yielding([*world.enrollments, *newcomers], now=world.now)))


def small(
    *, weight: int = 1, priority: int = 0, calendar: Calendar = OFFICE, boxes: Iterable[Mailbox] = (BOX,)
) -> Sequence:
    return sequence(2, calendar, boxes, weight=weight, priority=priority)


def starts(world: World, made: Plan, of: int) -> Counter[date]:
    """How many contacts of sequence *of* start on each day."""
    mine = {each.id for each in world.enrollments if each.sequence.id.int == of}
    first = [each.emails[0].slot for each in made.itineraries if each.enrollment_id in mine]
    return Counter(slot.window_day for slot in first if slot is not None)


def displaced(made: Plan) -> set[EnrollmentId]:
    return {each.enrollment_id for each in made.itineraries if each.is_displaced}


def test_ten_contacts_after_two_thousand_start_on_the_first_day() -> None:
    """Ten of the many make place, whoever came last of Monday, and leave after everyone else."""
    before = crowd(2000)
    world = joined(before, enrolled(10, small(), at=NOW))

    made = world.plan()

    assert breaches(world, made) == []
    assert starts(world, made, of=2) == {MONDAY: 10}
    assert causes(made) == [MoveCause.FAIR_SHARE] * 10
    assert displaced(made) == {each.id for each in before.enrollments[20:30]}
    last = max(leg.held.send_day for each in before.enrollments for leg in each.legs if leg.held)
    assert min(email.slot.send_day for email in moved(made) if email.slot) >= last


def test_with_follow_ups_on_every_day_the_first_new_start_is_a_newcomers() -> None:
    """Three emails each: whoever makes place gives up its follow-ups too, and those are used as well."""
    before = crowd(600, waits=(0, 2, 1))
    world = joined(before, enrolled(10, small(), waits=(0, 2, 1), at=NOW))

    made = world.plan()

    assert breaches(world, made) == []
    assert starts(world, made, of=2) == {MONDAY: 10}
    assert len(moved(made)) == 30
    assert all(each.slot is not None for itinerary in made.itineraries for each in itinerary.emails)


@pytest.mark.parametrize(("weight", "share"), [(1, 15), (2, 20), (5, 25)])
def test_each_day_is_shared_by_weight(weight: int, share: int) -> None:
    """Sixty newcomers start in the first days, as many on each as the weight of their sequence says."""
    world = joined(crowd(2000), enrolled(60, small(weight=weight), at=NOW))

    made = world.plan()

    found = starts(world, made, of=2)
    assert breaches(world, made) == []
    assert [found[MONDAY + timedelta(days=ahead)] for ahead in range(60 // share)] == [share] * (60 // share)
    assert len(displaced(made)) == 60


def test_nobody_gives_way_twice() -> None:
    """Those who did stay where they are when more contacts come, and others make place."""
    first = joined(crowd(300), enrolled(10, small(), at=NOW))
    made = first.plan()
    gone = displaced(made)
    second = joined(first.holding(made), enrolled(10, small(), at=NOW, first=11))

    again = second.plan()

    assert breaches(second, again) == []
    assert len(displaced(again)) == 10
    assert not displaced(again) & gone


def test_room_that_nobody_uses_is_taken_before_anyone_moves() -> None:
    """Where the day is not full, nobody gives way."""
    world = joined(crowd(15), enrolled(10, small(), at=NOW))

    made = world.plan()

    assert (moved(made), starts(world, made, of=2)) == ([], {MONDAY: 10})


def test_even_if_offered_again_nobody_gives_way_twice() -> None:
    """Whoever did keeps its new place, whatever is asked of it."""
    first = joined(crowd(300), enrolled(10, small(), at=NOW))
    held = first.holding(first.plan())
    few = sequence(3, OFFICE, [BOX])
    offered = [replace(each, yields_to=few.id) if each.displaced_at else each for each in held.enrollments]

    made = replace(held, enrollments=(*offered, *enrolled(5, few, at=NOW))).plan()

    assert moved(made) == []


def test_free_room_counts_as_share() -> None:
    """On Tuesday twenty places are taken: the ten free ones are the share, and nobody makes place there."""
    world = joined(crowd(50), enrolled(40, small(), at=NOW))

    made = world.plan()

    tuesday, wednesday = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
    assert starts(world, made, of=2) == {MONDAY: 15, tuesday: 10, wednesday: 15}
    assert starts(world, made, of=1) == {MONDAY: 15, tuesday: 20, wednesday: 15}


@pytest.mark.parametrize(
    "newcomers",
    [
        small(priority=-1),
        small(boxes=(mailbox(2),)),
        small(calendar=Calendar(BERLIN, hours((17, 0, 17, 10)))),
    ],
)
def test_nobody_gives_way_in_vain(newcomers: Sequence) -> None:
    """Not to a lower priority, not on another mailbox, and not where the newcomers' window is closed."""
    before = replace(crowd(200), mailboxes=(BOX, mailbox(2, capacity=1)))

    world = joined(before, enrolled(5, newcomers, at=NOW))

    made = world.plan()
    assert breaches(world, made) == []
    if newcomers.calendar is OFFICE:
        assert moved(made) == []


def test_a_higher_priority_never_gives_way() -> None:
    """Even if it was offered, the places of a higher priority stay."""
    urgent = sequence(1, OFFICE, [BOX], priority=1)
    world = World(NOW, (BOX,), tuple(enrolled(90, urgent, at=NOW)))
    held = world.holding(world.plan())
    few = small()
    offered = tuple(replace(each, yields_to=few.id) for each in held.enrollments)

    made = replace(held, enrollments=(*offered, *enrolled(5, few, at=NOW))).plan()

    assert moved(made) == []


def test_what_is_about_to_leave_stays() -> None:
    """At 09:00 the emails of the next five minutes are not moved, even if they were offered."""
    gap = timedelta(minutes=1)
    box = replace(mailbox(1, capacity=0), minimum_gap=gap)
    nine = NOW + timedelta(hours=2)
    world = World(nine, (box,), tuple(enrolled(2000, sequence(1, OFFICE, [box]), at=NOW)))
    held = world.holding(world.plan())
    few = small(boxes=(box,))
    soon = [
        each for each in held.enrollments if each.legs[0].held and each.legs[0].held.send_at <= nine + 5 * gap
    ]
    offered = tuple(replace(each, yields_to=few.id) if each in soon else each for each in held.enrollments)

    made = replace(held, enrollments=(*offered, *enrolled(5, few, at=nine))).plan()

    assert len(soon) == 6
    assert moved(made) == []


def test_before_a_last_date_nobody_loses_the_only_place_left() -> None:
    """A sequence that ends when it is full does not give way, as nothing is left behind the newcomers."""
    friday = MONDAY + timedelta(days=4)
    ending = replace(OFFICE, last_date=friday)
    world = joined(crowd(150, calendar=ending), enrolled(10, small(), at=NOW))

    made = world.plan()

    assert moved(made) == []
    assert starts(world, made, of=2) == {friday + timedelta(days=1): 10}


def test_replanning_right_after_moves_nothing() -> None:
    """Everyone keeps what the displacement gave them."""
    world = joined(crowd(300, waits=(0, 1)), enrolled(20, small(weight=3), waits=(0, 1), at=NOW))
    made = world.plan()
    held = world.holding(made)

    again = joined(held, []).plan()

    assert len(displaced(made)) == 20
    assert moved(again) == []


def test_a_batch_with_a_pace_displaces_nobody() -> None:
    """However few they are, its emails take the first instants that are free behind the many."""
    paced = replace(small(), pace=timedelta(minutes=1))
    before = crowd(200)
    world = joined(before, enrolled(10, paced, at=NOW))

    made = world.plan()

    assert moved(made) == []
    assert min(starts(world, made, of=2)) > MONDAY


def test_a_batch_with_a_pace_gives_way_to_nobody() -> None:
    """Its pace was promised: newcomers of a sequence start behind it."""
    paced = replace(sequence(1, OFFICE, [BOX]), pace=timedelta(minutes=1))
    batch = World(NOW, (BOX,), tuple(enrolled(200, paced, at=NOW)))
    world = joined(batch.holding(batch.plan()), enrolled(10, small(), at=NOW))

    made = world.plan()

    assert displaced(made) == set()
    assert moved(made) == []
    assert min(starts(world, made, of=2)) > MONDAY
