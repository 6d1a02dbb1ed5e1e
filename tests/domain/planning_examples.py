"""The world that most examples start from: office hours in Berlin, early on a Monday."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from domain.enrollments import Enrollment
from domain.itineraries import Itinerary, MoveCause
from domain.mailboxes import Mailbox
from domain.plan import Plan
from domain.send_window import Calendar
from tests.domain.planning_rules import moved
from tests.domain.planning_world import BERLIN, World, enrolled, hours, mailbox, sequence

# Monday 2026-11-23, 07:00 in Berlin, before the window opens.
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
OFFICE = Calendar(BERLIN, hours((9, 0, 17, 0)))


def held_world(
    count: int = 30, *, waits: tuple[int, ...] = (0,), boxes: tuple[Mailbox, ...] = (mailbox(1),)
) -> World:
    """*count* contacts of one sequence who hold the slots of their first plan."""
    world = World(NOW, boxes, tuple(enrolled(count, sequence(1, OFFICE, boxes), waits=waits, at=NOW)))
    return world.holding(world.plan())


def every(world: World, change: Callable[[Enrollment], Enrollment]) -> World:
    return replace(world, enrollments=tuple(map(change, world.enrollments)))


def causes(made: Plan) -> list[MoveCause | None]:
    """Why each email that moved did."""
    return [email.moved_because for email in moved(made)]


def berlin(itinerary: Itinerary) -> list[str]:
    """When the emails of *itinerary* leave, by the clock on the wall."""
    slots = (email.slot for email in itinerary.emails)
    return [f"{slot.send_at.astimezone(BERLIN):%a %H:%M}" if slot else "-" for slot in slots]
