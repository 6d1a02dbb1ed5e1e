"""Plans around holidays and working hours, by example: office hours in Berlin."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.closed_days import ClosedDays
from domain.enrollments import Enrollment
from domain.itineraries import MoveCause, UnplacedReason
from domain.mailboxes import Mailbox
from domain.send_window import Calendar, SendWindow
from tests.domain.planning_examples import NOW, OFFICE, berlin, causes, every, held_world
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import BERLIN, World, enrolled, hours, mailbox, sequence

BOX = mailbox(1)
AFTERNOON = hours((12, 0, 18, 0))


def working(box: Mailbox, window: SendWindow | None) -> Mailbox:
    return replace(box, working_hours=window)


def closed_on(*days: int) -> ClosedDays:
    """Closed on days of November 2026."""
    return ClosedDays(dates=frozenset(date(2026, 11, day) for day in days))


def test_a_holiday_is_skipped() -> None:
    """Three days after the 23rd of December is a holiday too, and then it is Sunday."""
    christmas = Calendar(BERLIN, hours((9, 0, 17, 0)), closed=ClosedDays("DE"))
    wednesday = datetime(2026, 12, 23, 6, tzinfo=UTC)
    world = World(
        wednesday, (BOX,), tuple(enrolled(1, sequence(1, christmas, [BOX]), waits=(0, 2), at=wednesday))
    )

    (itinerary,) = world.plan().itineraries

    assert berlin(itinerary) == ["Wed 09:00", "Sun 09:00"]


def test_a_new_closed_date_moves_only_what_is_on_it() -> None:
    """Of thirty contacts a day, those of Tuesday move; Monday and Wednesday stay."""
    held = held_world(90)

    def close(each: Enrollment) -> Enrollment:
        calendar = Calendar(BERLIN, hours((9, 0, 17, 0)), closed=closed_on(24))
        return replace(each, sequence=replace(each.sequence, calendar=calendar))

    # One calendar for all, as they are of one sequence.
    only = close(held.enrollments[0]).sequence
    after = every(held, lambda each: replace(each, sequence=only))

    made = after.plan()

    assert breaches(after, made) == []
    assert causes(made) == [MoveCause.WINDOW_CHANGED] * 30
    assert {email.leg.held.window_day for email in moved(made) if email.leg.held} == {date(2026, 11, 24)}
    assert {email.slot.window_day for email in moved(made) if email.slot} == {date(2026, 11, 26)}


def test_emails_are_spread_over_the_hours_in_which_the_mailbox_works() -> None:
    """From noon to 17:00, thirty emails leave exactly every ten minutes."""
    box = working(BOX, AFTERNOON)
    world = World(NOW, (box,), tuple(enrolled(30, sequence(1, OFFICE, [box]), at=NOW)))

    times = [berlin(each)[0] for each in world.plan().itineraries]

    assert times[:3] == ["Mon 12:00", "Mon 12:10", "Mon 12:20"]
    assert times[-1] == "Mon 16:50"


def test_working_hours_are_read_where_the_mailbox_is() -> None:
    """08:00–12:00 in New York is 14:00–18:00 in Berlin."""
    box = working(mailbox(1, zone=ZoneInfo("America/New_York")), hours((8, 0, 12, 0)))
    world = World(NOW, (box,), tuple(enrolled(1, sequence(1, OFFICE, [box]), at=NOW)))

    (itinerary,) = world.plan().itineraries

    assert berlin(itinerary) == ["Mon 14:00"]


def test_new_working_hours_move_only_what_is_outside_of_them() -> None:
    """Whoever leaves in the afternoon stays."""
    held = held_world(30)
    after = replace(held, mailboxes=(working(BOX, AFTERNOON),))

    made = after.plan()

    assert breaches(after, made) == []
    assert set(causes(made)) == {MoveCause.WINDOW_CHANGED}
    assert {berlin(each)[0] < "Mon 12:00" for each in held.plan().itineraries} == {True, False}
    assert len(moved(made)) == sum(berlin(each)[0] < "Mon 12:00" for each in held.plan().itineraries)


@pytest.mark.parametrize(
    "hours_of_it", [hours((18, 0, 20, 0)), hours((9, 0, 17, 0), days={7})], ids=["evening", "sunday"]
)
def test_a_window_in_which_the_mailbox_never_works_never_opens(hours_of_it: SendWindow) -> None:
    """On workdays from 9 to 17 it is off: there is capacity, and no time at all."""
    workdays = Calendar(BERLIN, hours((9, 0, 17, 0), days=range(1, 6)))
    box = working(BOX, hours_of_it)
    world = World(NOW, (box,), tuple(enrolled(1, sequence(1, workdays, [box]), at=NOW)))

    (itinerary,) = world.plan().itineraries

    assert [email.unplaced_reason for email in itinerary.emails] == [UnplacedReason.WINDOW_NEVER_OPENS]


def test_a_year_of_closed_dates_leaves_the_ones_after_it() -> None:
    """Closed for a month, it opens on the first day after it."""
    calendar = replace(OFFICE, closed=closed_on(*range(23, 31)))
    world = World(NOW, (BOX,), tuple(enrolled(1, sequence(1, calendar, [BOX]), at=NOW)))

    (itinerary,) = world.plan().itineraries

    assert [email.slot.window_day for email in itinerary.emails if email.slot] == [date(2026, 12, 1)]


def test_several_intervals_a_day_are_one_timetable_across_midnight() -> None:
    """12:00–13:00 and 23:00–01:00: three hours a day, and what leaves at 00:40 is of the day before."""
    calendar = Calendar(BERLIN, hours((12, 0, 13, 0), (23, 0, 1, 0)))
    box = mailbox(1, capacity=6)
    world = World(NOW, (box,), tuple(enrolled(6, sequence(1, calendar, [box]), waits=(0, 1), at=NOW)))

    made = world.plan()

    assert breaches(world, made) == []
    slots = [email.slot for each in made.itineraries for email in each.emails if email.slot]
    assert len(slots) == 12
    assert {slot.send_day - slot.window_day for slot in slots} == {
        date(2026, 11, 24) - date(2026, 11, 23),
        date(2026, 11, 23) - date(2026, 11, 23),
    }
