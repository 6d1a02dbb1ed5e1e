"""When a window is open: weekdays, midnights and clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.send_window import Calendar, InvalidSendWindow, SendWindow, Span, instant, joined
from tests.domain import planning_rules
from tests.domain.examples import examples
from tests.domain.planning_world import BERLIN, STARTS, ZONES, calendars, hours

MONDAY = date(2026, 11, 23)


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@given(calendar=calendars(), start=st.sampled_from(STARTS), minutes=st.integers(0, 5 * 1440))
@examples(2000)
def test_a_calendar_is_open_by_the_clock_on_the_wall(
    calendar: Calendar, start: datetime, minutes: int
) -> None:
    """Every minute around clock changes is judged as somebody with a wall clock would."""
    moment = start + timedelta(minutes=minutes)

    assert calendar.day_of(moment) == planning_rules.window_day(calendar, moment)


@given(
    zone=st.sampled_from(ZONES),
    start=st.sampled_from(STARTS),
    minute=st.integers(0, 1439),
    ahead=st.integers(0, 5),
)
@examples(2000)
def test_an_instant_is_what_clocks_show_first(
    zone: ZoneInfo, start: datetime, minute: int, ahead: int
) -> None:
    """Twice-shown times are their first occurrence, skipped ones move forward by the gap."""
    day, wall = start.date() + timedelta(days=ahead), time(minute // 60, minute % 60)

    assert instant(day, wall, zone) == planning_rules.shown(zone, day, wall)


def test_an_interval_of_office_hours_is_one_span() -> None:
    """09:00–17:00 in Berlin in winter is 08:00–16:00 UTC; the end is not part of it."""
    office = Calendar(BERLIN, hours((9, 0, 17, 0)))

    assert office.spans(MONDAY) == (Span(utc(11, 23, 8), utc(11, 23, 16)),)
    assert office.day_of(utc(11, 23, 8)) == MONDAY
    assert office.day_of(utc(11, 23, 16)) is None


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    """01:59 on Tuesday is still Monday's window of 22:00–02:00."""
    night = Calendar(BERLIN, hours((22, 0, 2, 0), days={1}))

    assert night.day_of(utc(11, 24, 0, 59)) == MONDAY
    assert night.day_of(utc(11, 24, 1)) is None
    assert night.day_of(utc(11, 24, 21)) is None


def test_an_end_of_midnight_is_the_end_of_the_day() -> None:
    """18:00–00:00 is six hours."""
    evening = Calendar(BERLIN, hours((18, 0, 0, 0)))

    assert evening.spans(MONDAY) == (Span(utc(11, 23, 17), utc(11, 23, 23)),)


def test_no_window_is_every_hour_of_every_day() -> None:
    """A Sunday night is as good as a Monday noon, and a day with a clock change has 23 hours."""
    always = Calendar(BERLIN)

    assert always.day_of(utc(11, 29, 2)) == date(2026, 11, 29)
    assert always.spans(date(2026, 3, 29)) == (Span(utc(3, 28, 23), utc(3, 29, 22)),)


def test_first_and_last_date_close_the_calendar() -> None:
    """The window of the last date is still open after midnight."""
    limited = Calendar(BERLIN, hours((22, 0, 2, 0)), first_date=MONDAY, last_date=MONDAY + timedelta(days=1))

    assert limited.spans(MONDAY - timedelta(days=1)) == ()
    assert limited.day_of(utc(11, 25, 0, 30)) == MONDAY + timedelta(days=1)
    assert limited.day_of(utc(11, 25, 21, 30)) is None
    assert list(limited.days(MONDAY - timedelta(days=3), limit=30)) == [MONDAY, MONDAY + timedelta(days=1)]


def test_whether_a_calendar_opens_at_all_is_told() -> None:
    """Sundays come within seven days, not within six from Monday."""
    sundays = Calendar(BERLIN, hours((9, 0, 17, 0), days={7}))

    assert sundays.opens(MONDAY, limit=7)
    assert not sundays.opens(MONDAY, limit=6)


def test_a_skipped_hour_moves_forward_and_a_doubled_one_is_its_first() -> None:
    """02:30 in Berlin on 2026-03-29 is 03:30 summer time; on 2026-10-25 it is 02:30 summer time."""
    assert instant(date(2026, 3, 29), time(2, 30), BERLIN) == utc(3, 29, 1, 30)
    assert instant(date(2026, 10, 25), time(2, 30), BERLIN) == utc(10, 25, 0, 30)


def test_an_interval_that_the_clocks_skip_is_closed_or_joins_the_next() -> None:
    """02:00–03:00 does not exist on 2026-03-29; 01:00–02:30 ends at 03:30, inside 03:00–05:00."""
    swallowed = Calendar(BERLIN, hours((2, 0, 3, 0)))
    pushed = Calendar(BERLIN, hours((1, 0, 2, 30), (3, 0, 5, 0)))

    assert swallowed.spans(date(2026, 3, 29)) == ()
    assert pushed.spans(date(2026, 3, 29)) == (Span(utc(3, 29, 0), utc(3, 29, 3)),)


def test_spans_that_touch_are_joined() -> None:
    """In any order; what lies apart stays apart."""
    first, second = Span(utc(1, 1, 1), utc(1, 1, 2)), Span(utc(1, 1, 2), utc(1, 1, 3))
    apart = Span(utc(1, 1, 5), utc(1, 1, 6))

    assert joined([apart, second, first]) == [Span(utc(1, 1, 1), utc(1, 1, 3)), apart]


@pytest.mark.parametrize(
    ("weekdays", "intervals", "field", "message"),
    [
        (set(), [(9, 17)], "weekdays", "Name at least one weekday, from 1 (Monday) to 7 (Sunday)."),
        ({0, 1}, [(9, 17)], "weekdays", "Weekdays are numbers from 1 (Monday) to 7 (Sunday)."),
        ({1}, [], "intervals", "Give at least one interval, for example 09:00 to 17:00."),
        ({1}, [(9, 9)], "intervals", "An interval ends where it starts, at 09:00."),
        ({1}, [(9, 12), (11, 17)], "intervals", "Two intervals overlap at 11:00."),
        ({1}, [(1, 3), (22, 2)], "intervals", "The last interval runs into the first one of the next day."),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(
    weekdays: set[int], intervals: list[tuple[int, int]], field: str, message: str
) -> None:
    """The error names the field and says what would make sense."""
    spans = tuple((time(start), time(end)) for start, end in intervals)

    with pytest.raises(InvalidSendWindow) as refused:
        SendWindow(frozenset(weekdays), spans)

    assert refused.value.field == field
    assert str(refused.value) == message
