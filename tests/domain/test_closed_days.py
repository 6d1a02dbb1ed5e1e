"""Holidays of a country and dates of one's own, and the windows that do not open on them."""

from datetime import UTC, date, datetime

import pytest

from domain.closed_days import ClosedDays
from domain.public_holidays import UnknownHolidays, public_holidays
from domain.send_window import Calendar
from tests.domain.planning_world import BERLIN, hours

EPIPHANY = date(2027, 1, 6)


def test_a_subdivision_has_holidays_of_its_own() -> None:
    """Epiphany is kept in Bavaria and not in all of Germany."""
    assert ClosedDays("DE", "BY").holiday(EPIPHANY) == "Epiphany"
    assert EPIPHANY not in ClosedDays("DE")
    assert EPIPHANY in ClosedDays("DE", dates=frozenset({EPIPHANY}))
    assert EPIPHANY not in ClosedDays()


def test_a_holiday_kept_on_another_day_closes_that_too() -> None:
    """New Year's Day of 2028 is a Saturday: the United States keep it on the last Friday of 2027."""
    assert public_holidays("US", None, 2027)[date(2027, 12, 31)] == "New Year's Day (observed)"
    assert {day.year for day in public_holidays("US", None, 2027)} == {2027}


@pytest.mark.parametrize(
    ("country", "subdivision", "field", "message"),
    [
        ("DEU", None, "country", "“DEU” is not a country"),
        ("de", None, "country", "for example DE"),
        ("GB", "BY", "subdivision", "give one of ENG, NIR, SCT, WLS, or none."),
        ("SZ", "XX", "subdivision", "SZ has no subdivisions; give none."),
    ],
)
def test_an_unknown_region_is_named_with_what_helps(
    country: str, subdivision: str | None, field: str, message: str
) -> None:
    """Which of the two it is, and what may stand there."""
    with pytest.raises(UnknownHolidays) as unknown:
        ClosedDays(country, subdivision)

    assert unknown.value.field == field
    assert message in str(unknown.value)


def test_a_window_of_the_evening_before_stays_open_past_midnight() -> None:
    """22:00–02:00: it does not open on Christmas Day, and 01:00 on Christmas Day is the eve's."""
    night = Calendar(BERLIN, hours((22, 0, 2, 0)), closed=ClosedDays("DE"))

    assert night.day_of(datetime(2026, 12, 25, 0, tzinfo=UTC)) == date(2026, 12, 24)
    assert night.day_of(datetime(2026, 12, 25, 21, 30, tzinfo=UTC)) is None
    # The second day of Christmas is a holiday too.
    assert night.day_of(datetime(2026, 12, 26, 0, tzinfo=UTC)) is None
    assert night.day_of(datetime(2026, 12, 27, 21, tzinfo=UTC)) == date(2026, 12, 27)


def test_closed_is_only_what_would_open() -> None:
    """A holiday on a Saturday holds nobody back who sends on workdays."""
    office = Calendar(BERLIN, hours((9, 0, 17, 0), days=range(1, 6)), closed=ClosedDays("DE"))

    assert office.is_closed_on(date(2026, 12, 25))
    assert not office.is_closed_on(date(2026, 12, 26))
