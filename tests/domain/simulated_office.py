"""An office to simulate: three mailboxes, working hours in Berlin, and a welcome in three steps."""

from collections import Counter
from datetime import date

from domain.mailboxes import Mailbox
from domain.recalculations import RecalculationCause
from domain.scenarios import Course, Joining, MailboxChange, Scenario
from domain.send_window import Calendar
from domain.tally import Simulation
from domain.waits import Wait
from tests.domain.planning_world import BERLIN, WORKDAYS, hours, mailbox, sequence

OFFICE = Calendar(BERLIN, hours((9, 0, 17, 0), days=WORKDAYS))
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2026, 11, day) for day in range(23, 28))
NORTH, EAST, SOUTH = (mailbox(number) for number in (1, 2, 3))
BOXES = (NORTH, EAST, SOUTH)


def welcome(
    *changes: MailboxChange,
    contacts: int = 90,
    boxes: tuple[Mailbox, ...] = BOXES,
    waits: tuple[int, ...] = (0, 2, 1),
) -> Scenario:
    """Contacts enrolled as Monday begins, in one sequence that all *boxes* serve."""
    only = sequence(1, OFFICE, boxes)
    return Scenario(
        BERLIN,
        MONDAY,
        (Course(only, tuple(map(Wait, waits))),),
        boxes,
        (Joining(1, only.id, contacts),),
        changes,
    )


def change(
    on_day: int, cause: RecalculationCause, box: Mailbox, capacity: int | None = None
) -> MailboxChange:
    return MailboxChange(on_day, cause, box.id, capacity)


def per_day(simulated: Simulation) -> dict[date, int]:
    days: Counter[date] = Counter()
    for (day, _), number in simulated.sent.items():
        days[day] += number
    return dict(sorted(days.items()))


def by_mailbox(simulated: Simulation, box: Mailbox) -> dict[date, int]:
    return {day: sent for (day, mailbox_id), sent in sorted(simulated.sent.items()) if mailbox_id == box.id}
