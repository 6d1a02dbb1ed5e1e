"""Worlds in which some sequences keep a pace, and whether a plan keeps it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import strategies as st

from domain.batches import Departures
from domain.enrollments import Enrollment
from domain.plan import Plan
from domain.sequences import Sequence
from tests.domain.planning_world import World, worlds

PACES = (None, timedelta(seconds=18), timedelta(seconds=514, microseconds=285715), timedelta(hours=5))


@st.composite
def paced_worlds(draw: st.DrawFn) -> World:
    """Worlds in which some sequences are batches, that begin sooner or later."""
    world = draw(worlds(most=2))
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


def out_of_order(world: World, made: Plan) -> Iterator[str]:
    """Batches whose emails do not leave in the order of their contacts, as a first plan has them."""
    for sequence, instants in by_sequence(world.enrollments, made):
        if sequence.pace is not None and instants != sorted(instants):
            yield f"rule 14 (batch): {instants} are not in order"


def broken_paces(world: World, made: Plan) -> Iterator[str]:
    """Two emails of a sequence that are closer than its pace."""
    for sequence, instants in by_sequence(world.enrollments, made):
        for earlier, later in pairwise(sorted(instants)):
            if sequence.pace is not None and later - earlier < sequence.pace:
                yield f"rule 3 (pace): {earlier} and {later} are closer than {sequence.pace}"


def by_sequence(enrollments: tuple[Enrollment, ...], made: Plan) -> Iterator[tuple[Sequence, list[datetime]]]:
    """The instants of each sequence, in the order in which its contacts were enrolled."""
    sequences = {one.id: one.sequence for one in enrollments}
    found: dict[Sequence, list[datetime]] = {}
    for itinerary in sorted(made.itineraries, key=lambda each: each.enrollment_id):
        slots = [email.slot.send_at for email in itinerary.emails if email.slot is not None]
        found.setdefault(sequences[itinerary.enrollment_id], []).extend(slots)
    yield from found.items()
