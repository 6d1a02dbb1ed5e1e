"""A mailbox's days: where windows of any zone fall, and which day is free first."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.ids import EmailId, StepId
from domain.itineraries import Leg
from domain.journeys import Booking
from domain.send_window import Calendar
from domain.timetable import Timetable
from domain.waits import Wait
from tests.domain.planning_world import BERLIN, hours, mailbox

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
MONDAY = date(2026, 11, 23)
OFFICE = Calendar(BERLIN, hours((9, 0, 17, 0)))


def booking() -> Booking:
    return Booking(Leg(StepId(UUID(int=1)), 1, Wait(0)))


def days_ahead(timetable: Timetable, calendar: Calendar, count: int) -> list[int]:
    """The window days that *count* emails get, as days after Monday."""
    found = []
    for _ in range(count):
        opening = timetable.first_opening(calendar, MONDAY)
        assert opening is not None
        opening.take(booking())
        found.append((opening.window_day - MONDAY).days)
    return found


def test_days_fill_up_one_after_the_other() -> None:
    """With two a day, five emails leave on three days."""
    assert days_ahead(Timetable(mailbox(1, capacity=2), [OFFICE], NOW), OFFICE, 5) == [0, 0, 1, 1, 2]


def test_a_day_that_was_full_is_found_again_when_a_place_is_given_back() -> None:
    """The next email takes Monday's free place, the one after it goes on where the others were."""
    timetable = Timetable(mailbox(1, capacity=1), [OFFICE], NOW)
    for number in range(3):
        timetable.hold(EmailId(UUID(int=number)), NOW + timedelta(days=number, hours=4))
    assert days_ahead(timetable, OFFICE, 1) == [3]

    timetable.release(EmailId(UUID(int=0)), MONDAY)

    assert days_ahead(timetable, OFFICE, 2) == [0, 4]


def test_an_email_just_before_midnight_keeps_the_gap_to_the_next_day() -> None:
    """Held at 23:55 with a gap of ten minutes, it blocks 00:00 of the next day, until it is released."""
    around_the_clock = Calendar(BERLIN)
    timetable = Timetable(mailbox(1, capacity=0, gap_s=600), [around_the_clock], NOW)
    before_midnight = datetime(2026, 11, 23, 22, 55, tzinfo=UTC)
    tuesday = MONDAY + timedelta(days=1)
    opening = timetable.first_opening(around_the_clock, tuesday)
    assert opening is not None
    assert opening.day.room(opening.ranges) == 144

    timetable.hold(EmailId(UUID(int=1)), before_midnight)
    assert opening.day.room(opening.ranges) == 143
    timetable.release(EmailId(UUID(int=1)), MONDAY)

    assert opening.day.room(opening.ranges) == 144


def test_a_window_is_cut_at_the_midnights_of_the_mailbox() -> None:
    """09:00–17:00 in Berlin is 21:00–05:00 in Auckland: three hours of one day, five of the next."""
    auckland = Timetable(mailbox(1, capacity=8, zone=ZoneInfo("Pacific/Auckland")), [OFFICE], NOW)
    emails = [booking() for _ in range(9)]

    for each in emails:
        opening = auckland.first_opening(OFFICE, MONDAY)
        assert opening is not None
        opening.take(each)

    tuesday = MONDAY + timedelta(days=1)
    assert [each.send_day for each in emails] == [MONDAY] * 3 + [tuesday] * 6
    assert [each.window_day for each in emails] == [MONDAY] * 8 + [tuesday]


def test_an_email_outside_of_every_window_still_counts() -> None:
    """Sent at 20:00, it uses the only place of its day."""
    timetable = Timetable(mailbox(1, capacity=1), [OFFICE], NOW)

    timetable.hold(EmailId(UUID(int=1)), NOW + timedelta(hours=13))

    assert days_ahead(timetable, OFFICE, 1) == [1]


def test_a_window_that_opened_yesterday_is_used_while_it_is_open() -> None:
    """At 01:00 in a window of 22:00–02:00, the window of the evening before has an hour left."""
    night = Calendar(BERLIN, hours((22, 0, 2, 0)))
    one = datetime(2026, 11, 23, 0, tzinfo=UTC)
    timetable = Timetable(mailbox(1, capacity=4), [night], one)

    opening = timetable.first_opening(night, MONDAY - timedelta(days=9))

    assert opening is not None
    assert (opening.window_day, opening.send_day) == (MONDAY - timedelta(days=1), MONDAY)


def test_a_calendar_that_ends_has_no_opening_after_its_last_date() -> None:
    """On its last day, at 18:00, nothing is left."""
    ending = Calendar(BERLIN, hours((9, 0, 17, 0)), last_date=MONDAY)

    assert Timetable(mailbox(1), [ending], NOW).first_opening(ending, MONDAY) is not None
    assert Timetable(mailbox(1), [ending], NOW + timedelta(hours=11)).first_opening(ending, MONDAY) is None


def test_a_wait_of_decades_still_finds_its_day() -> None:
    """The twenty years that are searched begin at the first day that is allowed."""
    far = MONDAY + timedelta(days=30 * 365)

    opening = Timetable(mailbox(1), [OFFICE], NOW).first_opening(OFFICE, far)

    assert opening is not None
    assert opening.window_day == far
