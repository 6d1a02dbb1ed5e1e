"""Scalars: what is read and what is written."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest

from api.errors import BadUserInput
from api.scalars import SCALARS, EmailAddress, TimeZone


def read(scalar: object, given: object) -> Any:  # each scalar reads another type
    parse = SCALARS[scalar].parse_value
    assert parse is not None
    return parse(given)


def written(scalar: object, value: object) -> Any:
    serialize = SCALARS[scalar].serialize
    assert serialize is not None
    return serialize(value)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-02T09:00:00Z", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02t09:00:00z", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T09:00:00.25+01:00", datetime(2026, 3, 2, 8, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-03-02T09:00:00-09:30", datetime(2026, 3, 2, 18, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_by_rfc_3339(text: str, instant: datetime) -> None:
    """With any offset, and brought to UTC."""
    given = read(datetime, text)

    assert (given, given.tzinfo) == (instant, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-02",
        "2026-03-02T09:00:00",
        "2026-03-02 09:00:00Z",
        "2026-03-02T09:00Z",
        "20260302T090000Z",
        "2026-02-30T09:00:00Z",
        "2026-W10-1T09:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "now",
        1772442000,
        None,
    ],
)
def test_what_is_no_instant_with_an_offset_is_refused(text: object) -> None:
    """A time without an offset would mean something else in each place."""
    with pytest.raises(BadUserInput):
        read(datetime, text)


def test_an_instant_is_written_in_utc() -> None:
    """With Z, and fractions only where there are some."""
    berlin = timezone(timedelta(hours=1))

    assert written(datetime, datetime(2026, 3, 2, 9, tzinfo=berlin)) == "2026-03-02T08:00:00Z"
    assert written(datetime, datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=UTC)) == "2026-03-02T09:00:00.000005Z"


def test_a_date_is_read_and_written() -> None:
    """In the one form that RFC 3339 has."""
    assert read(date, "2026-03-02") == date(2026, 3, 2)
    assert written(date, date(2026, 3, 2)) == "2026-03-02"


@pytest.mark.parametrize(
    "text", ["", "2026-3-2", "02.03.2026", "20260302", "2026-02-30", "2026-03-02T09:00:00Z", 1]
)
def test_what_is_no_date_is_refused(text: object) -> None:
    """Nothing is guessed."""
    with pytest.raises(BadUserInput):
        read(date, text)


def test_a_local_time_is_read_and_written() -> None:
    """Seconds are written where there are some."""
    assert read(time, "09:00") == time(9)
    assert read(time, "23:59:30") == time(23, 59, 30)
    assert written(time, time(9)) == "09:00"
    assert written(time, time(23, 59, 30)) == "23:59:30"


@pytest.mark.parametrize("text", ["", "9:00", "24:00", "09:60", "09:00Z", "9 am", "09:00:00.5", 9])
def test_what_is_no_local_time_is_refused(text: object) -> None:
    """Midnight at the end of a day is 00:00."""
    with pytest.raises(BadUserInput):
        read(time, text)


@pytest.mark.parametrize("scalar", [TimeZone, EmailAddress])
def test_zones_and_addresses_are_taken_as_text(scalar: object) -> None:
    """Whether they are good is answered by the field that takes them; what is no text is refused here."""
    assert read(scalar, "anything") == "anything"
    with pytest.raises(BadUserInput):
        read(scalar, 1)


def test_every_scalar_says_what_specifies_it() -> None:
    """For tools that read `@specifiedBy`."""
    assert [scalar.name for scalar in SCALARS.values() if not scalar.specified_by_url] == []
