"""The rules of planning where some sequences keep a pace: over zones, windows, capacities and gaps."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.batches import Departures
from domain.enrollments import Enrollment
from domain.plan import Plan
from domain.sequences import Sequence
from tests.domain.examples import examples
from tests.domain.planning_changes import changed
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import World, worlds

PACES = (None, timedelta(seconds=18), timedelta(seconds=514, microseconds=285715), timedelta(hours=5))


@st.composite
def paced_worlds(draw: st.DrawFn) -> World:
    """Worlds in which some sequences are batches, that begin sooner or later."""
    world = draw(worlds())
    batches: dict[Sequence, tuple[Sequence, Departures]] = {}
    for each in dict.fromkeys(one.sequence for one in world.enrollments):
        pace = draw(st.sampled_from(PACES))
        starts_at = world.now + timedelta(minutes=draw(st.sampled_from((0, 0, 90, 2000))))
        batches[each] = (replace(each, pace=pace), Departures(starts_at, pace))
    numbers: Counter[Sequence] = Counter()
    enrollments = []
    for one in world.enrollments:
        batch, departures = batches[one.sequence]
        not_before = departures.earliest(numbers[one.sequence])
        numbers[one.sequence] += 1
        is_batch = batch.pace is not None
        enrollments.append(
            replace(one, sequence=batch, not_before=not_before, legs=one.legs[:1]) if is_batch else one
        )
    return replace(world, enrollments=tuple(enrollments))


def broken_paces(world: World, made: Plan) -> Iterator[str]:
    """Two emails of a sequence that are closer than its pace."""
    for sequence, instants in _by_sequence(world.enrollments, made):
        for earlier, later in pairwise(sorted(instants)):
            if sequence.pace is not None and later - earlier < sequence.pace:
                yield f"{earlier} and {later} are closer than {sequence.pace}"


def _by_sequence(
    enrollments: tuple[Enrollment, ...], made: Plan
) -> Iterator[tuple[Sequence, list[datetime]]]:
    """The instants of each sequence, in the order in which its contacts were enrolled."""
    sequences = {one.id: one.sequence for one in enrollments}
    found: dict[Sequence, list[datetime]] = {}
    for itinerary in sorted(made.itineraries, key=lambda each: each.enrollment_id):
        slots = [email.slot.send_at for email in itinerary.emails if email.slot is not None]
        found.setdefault(sequences[itinerary.enrollment_id], []).extend(slots)
    yield from found.items()


@examples(50, each_like=3)
@given(world=paced_worlds())
def test_a_fresh_plan_keeps_every_rule_and_every_pace(world: World) -> None:
    """And the emails of a batch leave in the order of its contacts."""
    made = world.plan()

    assert breaches(world, made) == []
    assert list(broken_paces(world, made)) == []
    for sequence, instants in _by_sequence(world.enrollments, made):
        assert sequence.pace is None or instants == sorted(instants)


@examples(50, each_like=3)
@given(world=paced_worlds(), chance=st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(world: World, chance: Random) -> None:
    """The same state gives the same plan, in whatever order it is read."""
    shuffled = replace(
        world,
        enrollments=tuple(chance.sample(world.enrollments, len(world.enrollments))),
        mailboxes=tuple(chance.sample(world.mailboxes, len(world.mailboxes))),
    )

    assert shuffled.plan() == world.plan()


@examples(50, each_like=3)
@given(world=paced_worlds())
def test_replanning_without_a_change_moves_nothing(world: World) -> None:
    """What a plan gave is what the next plan keeps, though everyone may gain."""
    held = world.holding(world.plan())
    eager = replace(held, enrollments=tuple(replace(each, may_gain=True) for each in held.enrollments))

    for again in (held.plan(), eager.plan()):
        assert moved(again) == []
        assert again.shifts == ()


@examples(50, each_like=3)
@given(data=st.data(), world=paced_worlds())
def test_after_a_change_every_rule_and_every_pace_holds_again(data: st.DataObject, world: World) -> None:
    """Whatever became of windows, mailboxes and capacities."""
    after = data.draw(changed(world.holding(world.plan())))

    made = after.plan()

    assert breaches(after, made) == []
    assert list(broken_paces(after, made)) == []
