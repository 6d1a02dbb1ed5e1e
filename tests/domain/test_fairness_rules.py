"""Rules 9 and 13 of planning, over zones, windows, capacities, waits and weights."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import EnrollmentId, SequenceId
from domain.itineraries import MoveCause
from domain.plan import Plan
from domain.sequences import Sequence
from domain.yielding import with_yielding
from tests.domain.examples import examples
from tests.domain.planning_changes import LATE, passed
from tests.domain.planning_examples import NOW, OFFICE
from tests.domain.planning_repeats import restless
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import World, calendars, enrolled, mailbox, sequence, worlds

CAPACITY = 12
A_MINUTE = timedelta(minutes=1)


@st.composite
def joined(draw: st.DrawFn, *, anybody: bool) -> World:
    """
    A planned world that newcomers of one or two more sequences join, often just before somebody's time.

    With *anybody*, whoever was planned may have to give way; else those who are chosen as they are at work.
    """
    fresh = draw(worlds(most=2))
    held = draw(about_to_leave(fresh.holding(fresh.plan())))
    newcomers = []
    for number in range(4, 4 + draw(st.integers(1, 2))):
        boxes = draw(st.lists(st.sampled_from(held.mailboxes), min_size=1, unique=True))
        priority, weight = draw(st.sampled_from((0, 0, 0, 1))), draw(st.integers(1, 5))
        joining = sequence(number, draw(calendars()), boxes, priority=priority, weight=weight)
        waits = draw(st.lists(st.sampled_from((0, 1, 2)), min_size=1, max_size=2))
        newcomers += enrolled(draw(st.integers(1, 4)), joining, waits=waits, at=held.now)
    everyone = [*held.enrollments, *newcomers]
    if not anybody:
        return replace(held, enrollments=tuple(with_yielding(everyone, now=held.now)))
    ids = st.sampled_from((None, *dict.fromkeys(each.sequence.id for each in newcomers)))
    offered = (
        replace(each, yields_to=draw(ids)) if each.last_window_day is None else each
        for each in held.enrollments
    )
    return replace(held, enrollments=(*offered, *newcomers))


@st.composite
def about_to_leave(draw: st.DrawFn, held: World) -> World:
    """*held*, or up to six minutes before one of its emails leaves, or nine after that, if it is missed."""
    slots = [leg.held for each in held.enrollments for leg in each.legs if leg.held is not None]
    ahead = draw(st.none() | st.integers(-9, 6))
    if not slots or ahead is None:
        return held
    now = draw(st.sampled_from(slots)).send_at - ahead * A_MINUTE
    first = held.enrollments[0].legs[0].held
    is_missed = first is not None and now - LATE < first.send_at <= now
    return passed(held, max(now, held.now), missed=int(is_missed), late=timedelta())


def displaced(made: Plan) -> set[EnrollmentId]:
    return {each.enrollment_id for each in made.itineraries if each.is_displaced}


# As of all other rules, everything is asked of one world.
@pytest.mark.timeout(0)
@examples(2000)
@given(world=joined(anybody=False) | joined(anybody=True))
def test_giving_way_breaks_no_rule(world: World) -> None:
    """Nor does it move what is on its way or about to leave, nor anybody when it is planned again."""
    made = world.plan()
    held = world.holding(made)

    assert breaches(world, made) == []
    assert list(unsettled(world, made)) == []
    assert list(unfair(world, made)) == []
    assert list(restless(held, made)) == []


def unsettled(world: World, made: Plan) -> Iterator[str]:
    """Rule 9: nothing moves that the dispatcher may take up meanwhile, or has taken up."""
    for email in moved(made):
        if email.leg.held and email.leg.held.send_at <= world.now + 5 * A_MINUTE:
            yield f"{email} was about to leave"
    others = {each.email_id: each for each in world.taken}
    for shift in made.shifts:
        if others[shift.email_id].calendar is None or others[shift.email_id].send_at <= world.now:
            yield f"{shift} was on its way"


def unfair(world: World, made: Plan) -> Iterator[str]:
    """Rule 13: who gives way may, for newcomers that plan as many emails, and has another time."""
    enrollments = {each.id: each for each in world.enrollments}
    planned = Counter(each.sequence.id for each in world.enrollments if each.is_newcomer for _ in each.legs)
    gone: Counter[SequenceId] = Counter()
    priorities = {each.sequence.id: each.sequence.priority for each in world.enrollments}
    for enrollment_id in displaced(made):
        each = enrollments[enrollment_id]
        if each.yields_to is None or each.last_window_day is not None or each.displaced_at is not None:
            yield f"{each} gave way"
        elif each.sequence.priority > priorities[each.yields_to]:
            yield f"{each} gave way to somebody less urgent"
        else:
            gone[each.yields_to] += len(each.legs)
    for sequence_id, count in gone.items():
        if count > planned[sequence_id]:
            yield f"{count} emails made place for {planned[sequence_id]} of {sequence_id}"
    for email in moved(made):
        if email.slot is None or email.moved_because not in (
            MoveCause.FAIR_SHARE,
            MoveCause.NARROWER_WINDOW,
        ):
            yield f"{email} lost its time"


@given(
    big=st.integers(1, 150),
    few=st.integers(1, 40),
    weights=st.tuples(st.integers(1, 10), st.integers(1, 10)),
)
def test_newcomers_start_within_their_share(big: int, few: int, weights: tuple[int, int]) -> None:
    """
    The k-th newcomer of a smaller sequence starts no later than on the day that its share reaches k.

    A day's share is that part of its starts which the weights say, rounded down, and at least one.
    """
    box = mailbox(1, capacity=CAPACITY)
    one = sequence(1, OFFICE, [box], weight=weights[0])
    other = sequence(2, OFFICE, [box], weight=weights[1])
    world = World(NOW, (box,), tuple(enrolled(big, one, at=NOW)))
    held = world.holding(world.plan())
    everyone = [*held.enrollments, *enrolled(few, other, at=NOW)]
    world = replace(held, enrollments=tuple(with_yielding(everyone, now=NOW)))

    made = world.plan()

    assert breaches(world, made) == []
    if big * weights[1] > few * weights[0]:
        before, after = _starts(held.plan(), world, one), _starts(made, world, other)
        shares = [max(1, before[day] * weights[1] // sum(weights)) for day in sorted(before)]
        started = [after[day] for day in sorted(before)]
        for day in range(len(shares)):
            assert sum(started[: day + 1]) >= min(few, sum(shares[: day + 1]))


@given(crowds=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 40)), min_size=2, max_size=3))
def test_those_enrolled_at_once_share_every_day(crowds: list[tuple[int, int]]) -> None:
    """As long as sequences have contacts waiting, none is ahead of another by more than a turn of both."""
    box = mailbox(1, capacity=CAPACITY)
    sequences = [sequence(at, OFFICE, [box], weight=weight) for at, (weight, _) in enumerate(crowds, 1)]
    world = World(
        NOW,
        (box,),
        tuple(
            each
            for one, (_, number) in zip(sequences, crowds, strict=True)
            for each in enrolled(number, one, at=NOW)
        ),
    )

    made = world.plan()

    left = {one: number for one, (_, number) in zip(sequences, crowds, strict=True)}
    found = {one: _starts(made, world, one) for one in sequences}
    served: dict[Sequence, int] = defaultdict(int)
    for day in sorted({day for each in found.values() for day in each}):
        for one in sequences:
            served[one] += found[one][day]
        waiting = [one for one in sequences if served[one] < left[one]]
        for one in waiting:
            for other in sequences:
                assert (
                    served[other] / other.weight - served[one] / one.weight
                    <= 1 / one.weight + 1 / other.weight
                )
        assert not waiting or sum(found[one][day] for one in sequences) == CAPACITY


def _starts(made: Plan, world: World, of: Sequence) -> Counter[date]:
    mine = {each.id for each in world.enrollments if each.sequence.id == of.id}
    first = (each.emails[0].slot for each in made.itineraries if each.enrollment_id in mine)
    return Counter(slot.window_day for slot in first if slot is not None)
