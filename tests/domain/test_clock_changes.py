"""Clock changes, judged a second time by a library that reads the zones' rules by itself."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, PlainDateTime

from domain.send_window import EVERY_DAY, Calendar, SendWindow, instant
from tests.domain.examples import examples

DAY = timedelta(days=1)
A_MINUTE = timedelta(minutes=1)
# Zones whose clocks do more than an hour at 02:00, and a local date on which they did.
CHANGES = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Europe/Dublin", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Africa/Casablanca", date(2026, 3, 22)),
    ("America/Asuncion", date(2024, 3, 24)),
    ("America/Asuncion", date(2024, 10, 6)),
    ("America/Santiago", date(2026, 4, 5)),
    ("America/Santiago", date(2026, 9, 6)),
    ("America/Havana", date(2026, 3, 8)),
    ("America/Havana", date(2026, 11, 1)),
    ("America/Nuuk", date(2026, 3, 28)),
    ("America/Caracas", date(2016, 5, 1)),
    ("Africa/Cairo", date(2026, 4, 24)),
    ("Africa/Cairo", date(2026, 10, 29)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("Asia/Pyongyang", date(2018, 5, 4)),
    ("Antarctica/Troll", date(2026, 3, 29)),
    ("Antarctica/Troll", date(2026, 10, 25)),
    ("Pacific/Chatham", date(2026, 4, 5)),
    ("Pacific/Chatham", date(2026, 9, 27)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Fakaofo", date(2011, 12, 30)),
    ("Pacific/Kiritimati", date(1994, 12, 31)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
)
ZONE_NAMES = tuple(files("tzdata").joinpath("zones").read_text().split())


@st.composite
def places(draw: st.DrawFn) -> tuple[ZoneInfo, date]:
    """A zone and a local date: around a clock change that is known, or any between 1995 and 2037."""
    if draw(st.booleans()):
        name, changed_on = draw(st.sampled_from(CHANGES))
        return ZoneInfo(name), changed_on + draw(st.integers(-2, 2)) * DAY
    day = draw(st.dates(date(1995, 1, 1), date(2037, 12, 31)))
    return ZoneInfo(draw(st.sampled_from(ZONE_NAMES))), day


walls = st.integers(0, 95).map(lambda quarter: time(quarter // 4, 15 * quarter % 60))


@st.composite
def windows(draw: st.DrawFn) -> SendWindow:
    """Up to three intervals that do not overlap; the last may end on the next day."""
    bounds = draw(st.lists(walls, min_size=2, max_size=6, unique=True).map(sorted))
    intervals = list(zip(bounds[::2], bounds[1::2], strict=False))
    if draw(st.booleans()):
        intervals = [(bounds[-1], bounds[0]), *zip(bounds[1:-2:2], bounds[2:-1:2], strict=True)]
    return SendWindow(draw(st.sampled_from((EVERY_DAY, frozenset({5, 6}), frozenset({7})))), tuple(intervals))


@given(place=places(), wall=walls)
@examples(2000)
def test_clocks_that_skip_a_time_show_it_later_and_a_doubled_one_first(
    place: tuple[ZoneInfo, date], wall: time
) -> None:
    """In every zone, by half hours and whole days, as RFC 5545 has it."""
    zone, day = place

    assert instant(day, wall, zone) == shown(day, wall, zone)


@given(place=places(), window=windows())
@examples(1000)
def test_a_window_opens_and_closes_when_the_clocks_say_so(
    place: tuple[ZoneInfo, date], window: SendWindow
) -> None:
    """Its spans cover exactly the time between the two readings of each of its intervals."""
    zone, day = place

    spans = Calendar(zone, window).spans(day)

    intervals = open_between(window, day, zone)
    assert all(span.start < span.end for span in spans)
    assert all(one.end < other.start for one, other in pairwise(spans))
    for edge in {edge for interval in intervals for edge in interval} | {span.start for span in spans}:
        for moment in (edge - A_MINUTE, edge):
            is_open = any(start <= moment < end for start, end in intervals)
            assert any(span.start <= moment < span.end for span in spans) == is_open


@given(place=places(), window=st.none() | windows(), minutes=st.integers(-180, 27 * 60))
@examples(1000)
def test_a_moment_belongs_to_the_day_on_which_its_window_opened(
    place: tuple[ZoneInfo, date], window: SendWindow | None, minutes: int
) -> None:
    """Past midnight to the evening before; without a window to what the calendar on the wall shows."""
    zone, day = place
    moment = instant(day, time(0), zone) + timedelta(minutes=minutes)

    found = Calendar(zone, window).day_of(moment)

    today = shown_date(moment, zone)
    if window is None:
        assert found == today
    else:
        opened = (
            each
            for each in (today - DAY, today)
            if any(start <= moment < end for start, end in open_between(window, each, zone))
        )
        assert found == next(opened, None)


@given(place=places())
@examples(2000)
def test_days_without_a_window_follow_each_other_without_a_hole(place: tuple[ZoneInfo, date]) -> None:
    """One ends where the next begins, be it 23, 24 or 25 hours long, or not there at all."""
    zone, day = place
    calendar = Calendar(zone)

    spans = [span for ahead in range(-1, 3) for span in calendar.spans(day + ahead * DAY)]

    assert all(span.start < span.end for span in spans)
    assert all(one.end == other.start for one, other in pairwise(spans))
    assert [shown_date(span.start, zone) for span in spans] == [
        each for each in (day + ahead * DAY for ahead in range(-1, 3)) if exists(each, zone)
    ]


@pytest.mark.parametrize("window", [None, SendWindow(frozenset({5}), ((time(9), time(17)),))])
def test_a_date_that_a_zone_skips_has_no_window(window: SendWindow | None) -> None:
    """Samoa went from Thursday 2011-12-29 to Saturday the 31st: a Friday's window does not open on that."""
    apia = Calendar(ZoneInfo("Pacific/Apia"), window)

    assert apia.spans(date(2011, 12, 30)) == ()
    assert apia.day_of(datetime(2011, 12, 30, 20, tzinfo=UTC)) != date(2011, 12, 30)
    assert date(2011, 12, 30) not in list(apia.days(date(2011, 12, 23), limit=14))


@cache
def shown(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """When the clocks of *zone* show *wall* on *day*, as the other library has it."""
    plain = PlainDateTime(day.year, day.month, day.day, wall.hour, wall.minute)
    return plain.assume_tz(zone.key, disambiguation="compatible").to_instant().to_stdlib()


def shown_date(moment: datetime, zone: ZoneInfo) -> date:
    return Instant(moment).to_tz(zone.key).date().to_stdlib()


def exists(day: date, zone: ZoneInfo) -> bool:
    """Whether the calendar on the wall shows *day* at all."""
    return shown_date(shown(day, time(12), zone), zone) == day


def open_between(window: SendWindow, day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """When the intervals of *window* that begin on *day* open and close, by the other library."""
    if day.isoweekday() not in window.weekdays or not exists(day, zone):
        return []
    return [
        (shown(day, start, zone), shown(day if end > start else day + DAY, end, zone))
        for start, end in window.intervals
    ]
