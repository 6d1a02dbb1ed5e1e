"""Rules 9, 11 and 12 of planning: what must not move, holds, and those who are blocked beside all others."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.enrollments import Enrollment
from domain.keeping import LATE_AFTER
from domain.plan import Taken
from tests.domain.planning_changes import changed
from tests.domain.planning_examples import every
from tests.domain.planning_repeats import available
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import (
    World,
    crowded,
    email_of,
    slots_of,
    worlds,
)

A_WEEK = timedelta(days=7)


@given(data=st.data(), world=worlds() | crowded())
def test_what_is_on_its_way_or_due_does_not_move(data: st.DataObject, world: World) -> None:
    """Of the emails outside of a plan only those shift that have a calendar and whose time is to come."""
    after = data.draw(changed(world.holding(world.plan())))
    free = {each.email_id for each in after.taken if each.calendar and each.send_at > after.now}

    made = after.plan()

    assert {shift.email_id for shift in made.shifts} <= free


@given(world=worlds())
def test_a_resume_after_a_week_keeps_every_rule(world: World) -> None:
    """What was promised for that week is not sent at once: capacity and gaps hold, nothing is late."""
    paused = available(world.holding(world.plan()), is_available=False)
    assert moved(paused.plan()) == []

    resumed = replace(available(paused, is_available=True), now=world.now + A_WEEK)
    made = resumed.plan()

    assert breaches(resumed, made) == []
    assert all(slot.send_at > resumed.now - LATE_AFTER for slot in slots_of(made))


@given(world=worlds(), hours=st.integers(0, 400), pulls_forward=st.booleans())
def test_nothing_moves_while_nothing_is_sent(world: World, hours: int, pulls_forward: bool) -> None:
    """However long sending is paused, and at night too: emails whose time has passed wait in their slots."""
    held = world.holding(world.plan())
    paused = replace(sending(held, is_sending=False), now=held.now + timedelta(hours=hours))

    made = paused.plan(pulls_forward=pulls_forward)

    assert moved(made) == []
    assert made.shifts == ()


@given(world=worlds(), hours=st.integers(0, 400), joining=st.integers(0, 5))
def test_sending_goes_on_within_every_rule(world: World, hours: int, joining: int) -> None:
    """Whoever joined meanwhile, nothing is late and nothing bursts; after no time nothing moves at all."""
    before = replace(world, enrollments=world.enrollments[joining:])
    paused = sending(before.holding(before.plan()), is_sending=False)
    joined = sending(replace(world, enrollments=world.enrollments[:joining]), is_sending=False)
    during = replace(paused, enrollments=(*joined.enrollments, *paused.enrollments))
    held = during.holding(during.plan())
    resumed = replace(sending(held, is_sending=True), now=held.now + timedelta(hours=hours))

    made = resumed.plan()

    assert breaches(resumed, made) == []
    assert all(slot.send_at > resumed.now - LATE_AFTER for slot in slots_of(made))
    if hours == 0:
        assert moved(made) == []


def sending(world: World, *, is_sending: bool) -> World:
    """*world*, all of whose sequences send, or none of them."""
    now = {each.sequence: replace(each.sequence, is_sending=is_sending) for each in world.enrollments}
    return every(world, lambda each: replace(each, sequence=now[each.sequence]))


@given(world=worlds(), hours=st.integers(1, 400))
def test_whoever_was_on_hold_waits_for_the_rest_of_the_wait(world: World, hours: int) -> None:
    """With the end of the wait moved by the time on hold, nothing leaves before it."""
    held = world.holding(world.plan())
    until = held.now + timedelta(hours=hours)
    resumed = replace(held, enrollments=tuple(replace(each, not_before=until) for each in held.enrollments))

    made = resumed.plan()

    assert breaches(resumed, made) == []
    assert all(
        email.slot.send_at >= until for each in made.itineraries for email in each.emails if email.slot
    )


@given(data=st.data(), world=worlds(taken=False))
def test_planning_in_turns_keeps_every_rule(data: st.DataObject, world: World) -> None:
    """Whoever is planned in a later turn finds a place around those of the first, be they how many."""
    first_turn = data.draw(st.integers(1, len(world.enrollments)))
    first = replace(world, enrollments=world.enrollments[:first_turn])
    held = first.holding(first.plan())
    second = replace(
        world,
        enrollments=world.enrollments[first_turn:],
        taken=tuple(taken for each in held.enrollments for taken in _as_taken(each)),
    )

    made = second.plan()

    assert breaches(second, made) == []


def _as_taken(enrollment: Enrollment) -> Iterator[Taken]:
    on_day = Counter(leg.held.window_day for leg in enrollment.legs if leg.held)
    for leg in enrollment.legs:
        if (slot := leg.held) is not None:
            calendar = enrollment.calendar if on_day[slot.window_day] == 1 else None
            yield Taken(email_of(leg), slot.mailbox_id, slot.send_at, calendar)
