"""Worlds in which contacts are in several sequences, and whether a plan leaves each of them their gap."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from uuid import UUID

from hypothesis import strategies as st

from domain.contact_gap import ContactDay, ContactGap
from domain.enrollments import Enrollment
from domain.ids import ContactId, EnrollmentId
from domain.plan import Plan
from tests.domain.planning_rules import window_day
from tests.domain.planning_world import World, worlds

# It ended before, and is not planned.
ENDED = EnrollmentId(UUID(int=5))


@st.composite
def shared_worlds(draw: st.DrawFn) -> World:
    """The contacts of all sequences are the same people, and some of them were written to before."""
    world = draw(worlds())
    gap = ContactGap(draw(st.integers(1, 9)), contacts_of(world.enrollments), {})
    for each in draw(st.lists(st.sampled_from(world.enrollments), max_size=2)):
        day = world.now.date() + timedelta(days=draw(st.integers(-4, 9)))
        gap = with_taken(gap, each, day, of=ENDED)
    return replace(world, contact_gap=gap)


def contacts_of(enrollments: Iterable[Enrollment]) -> dict[EnrollmentId, ContactId]:
    """Who is enrolled, if the contacts of all sequences are the same ones in the same order."""
    return {each.id: ContactId(UUID(int=each.id.int % 1_000_000)) for each in enrollments}


def with_taken(
    gap: ContactGap, enrollment: Enrollment, day: date, *, of: EnrollmentId | None = None
) -> ContactGap:
    """*gap*, with an email to the contact of *enrollment* on *day*: its own, or *of* another enrollment."""
    contact_id = gap.contact_of(enrollment)
    if contact_id is None:
        return gap
    days = (*gap.taken.get(contact_id, ()), ContactDay(of or enrollment.id, day))
    return replace(gap, taken={**gap.taken, contact_id: days})


def with_gap(world: World, days: int) -> World:
    """*world* with another gap; 0 is none."""
    assert world.contact_gap is not None
    return replace(world, contact_gap=replace(world.contact_gap, days=days) if days else None)


def days_beside(world: World, enrollment: Enrollment) -> Iterator[date]:
    """The days on which others than *enrollment* wrote, or are to write by their windows of today."""
    gap = world.contact_gap
    if gap is None:
        return
    contact_id = gap.contacts[enrollment.id]
    yield from (day for of, day in gap.taken.get(contact_id, ()) if of != enrollment.id)
    for each in world.enrollments:
        if gap.contacts[each.id] == contact_id and each.id != enrollment.id:
            held = (leg.held for leg in each.legs if leg.held is not None)
            yield from (window_day(each.calendar, slot.send_at) or slot.window_day for slot in held)


def crowded_contacts(world: World, made: Plan) -> Iterator[str]:
    """Emails of different enrollments whose window days are closer than their contact's gap."""
    gap = world.contact_gap
    if gap is None:
        return
    found: dict[ContactId, list[tuple[ContactDay, bool]]] = {
        contact_id: [(day, False) for day in days] for contact_id, days in gap.taken.items()
    }
    for contact_id, day in _planned_days(world, gap, made):
        found.setdefault(contact_id, []).append((day, True))
    for days in found.values():
        for (one, is_planned), (other, is_planned_too) in combinations(days, 2):
            is_close = abs((one.window_day - other.window_day).days) < gap.days
            if is_close and (is_planned or is_planned_too) and one.enrollment_id != other.enrollment_id:
                yield f"{one} and {other} are closer than {gap.days} days"


def _planned_days(world: World, gap: ContactGap, made: Plan) -> Iterator[tuple[ContactId, ContactDay]]:
    """Those of emails that do not merely wait for their mailbox."""
    waiting = {box.id for box in world.mailboxes if not box.is_available}
    enrollments = {each.id: each for each in world.enrollments}
    for itinerary in made.itineraries:
        if enrollments[itinerary.enrollment_id].sequence.priority <= 0:
            for email in itinerary.emails:
                if email.slot is not None and email.slot.mailbox_id not in waiting:
                    day = ContactDay(itinerary.enrollment_id, email.slot.window_day)
                    yield gap.contacts[itinerary.enrollment_id], day
