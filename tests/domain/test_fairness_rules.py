"""Rule 13 of planning, over zones, windows, capacities, waits and weights."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import EnrollmentId, SequenceId
from domain.itineraries import MoveCause
from domain.plan import Plan
from domain.sequences import Sequence
from domain.yielding import with_yielding
from tests.domain.planning_examples import NOW, OFFICE
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import World, calendars, enrolled, mailbox, sequence, worlds

CAPACITY = 12


@st.composite
def joined(draw: st.DrawFn, *, anybody: bool) -> World:
    """
    A planned world that newcomers of one or two more sequences join.

    With *anybody*, whoever was planned may have to give way; else those who are chosen as they are at work.
    """
    world = draw(worlds())
    made = world.plan()
    held = world.holding(made)
    newcomers = []
    for number in range(4, 4 + draw(st.integers(1, 2))):
        boxes = draw(st.lists(st.sampled_from(world.mailboxes), min_size=1, unique=True))
        priority, weight = draw(st.sampled_from((0, 0, 0, 1))), draw(st.integers(1, 5))
        joining = sequence(number, draw(calendars()), boxes, priority=priority, weight=weight)
        waits = draw(st.lists(st.sampled_from((0, 1, 2)), min_size=1, max_size=3))
        newcomers += enrolled(draw(st.integers(1, 5)), joining, waits=waits, at=world.now)
    everyone = [*held.enrollments, *newcomers]
    if not anybody:
        return replace(held, enrollments=tuple(with_yielding(everyone, now=world.now)))
    ids = st.sampled_from((None, *{each.sequence.id for each in newcomers}))
    offered = (replace(each, yields_to=draw(ids)) for each in held.enrollments)
    return replace(held, enrollments=(*offered, *newcomers))


def displaced(made: Plan) -> set[EnrollmentId]:
    return {each.enrollment_id for each in made.itineraries if each.is_displaced}


@given(world=joined(anybody=False) | joined(anybody=True))
def test_giving_way_breaks_no_other_rule(world: World) -> None:
    """Waits, capacities, gaps, windows, mailboxes, completeness and order hold; what had a time has one."""
    made = world.plan()

    assert breaches(world, made) == []
    assert [email for email in moved(made) if email.slot is None] == []


@given(world=joined(anybody=True))
def test_only_who_may_and_must_gives_way(world: World) -> None:
    """No more emails than newcomers have; none started, of higher priority, or about to leave."""
    made = world.plan()
    enrollments = {each.id: each for each in world.enrollments}
    planned = Counter(each.sequence.id for each in world.enrollments if each.is_newcomer for _ in each.legs)
    gone: Counter[SequenceId] = Counter()
    priorities = {each.sequence.id: each.sequence.priority for each in world.enrollments}
    for enrollment_id in displaced(made):
        each = enrollments[enrollment_id]
        assert each.yields_to is not None
        assert each.last_window_day is None
        assert each.sequence.priority <= priorities[each.yields_to]
        assert all(leg.held and leg.held.send_at > world.now + timedelta(minutes=5) for leg in each.legs)
        gone[each.yields_to] += len(each.legs)

    assert all(gone[sequence_id] <= planned[sequence_id] for sequence_id in gone)
    assert {email.moved_because for email in moved(made)} <= {MoveCause.FAIR_SHARE, MoveCause.NARROWER_WINDOW}


@given(world=joined(anybody=False) | joined(anybody=True))
def test_giving_way_once_is_for_good(world: World) -> None:
    """A replan with no change moves nothing, though those who could not be displaced are offered again."""
    made = world.plan()
    held = world.holding(made)

    again = held.plan()

    assert moved(again) == []
    assert again.shifts == ()


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
