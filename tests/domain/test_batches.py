"""The pace of a batch, and when each of its emails may leave."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.batches import Departures, pace_of

STARTS = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("delay_s", "hourly_limit", "seconds"),
    [
        (30, None, 30),
        (None, 200, 18),
        (30, 200, 30),
        (10, 200, 18),
        (None, 7, 514.285715),
        (0, 100_000, 0.036),
    ],
)
def test_the_pace_is_the_slower_of_delay_and_limit(
    delay_s: int | None, hourly_limit: int | None, seconds: float
) -> None:
    """A limit that does not divide the hour is rounded up."""
    assert pace_of(delay_s=delay_s, hourly_limit=hourly_limit) == timedelta(seconds=seconds)


@pytest.mark.parametrize("delay_s", [None, 0])
def test_without_delay_and_limit_there_is_no_pace(delay_s: int | None) -> None:
    """The emails are spread evenly then."""
    assert pace_of(delay_s=delay_s, hourly_limit=None) is None


@pytest.mark.parametrize("hourly_limit", [1, 7, 59, 200, 1_000, 7_001])
def test_an_hour_takes_exactly_its_limit(hourly_limit: int) -> None:
    """The last email of the limit leaves within the hour, the one after it does not."""
    departures = Departures(STARTS, pace_of(delay_s=None, hourly_limit=hourly_limit))

    hour = STARTS + timedelta(hours=1)
    assert departures.earliest(0) == STARTS
    assert departures.earliest(hourly_limit - 1) < hour <= departures.earliest(hourly_limit)


def test_without_a_pace_everybody_may_leave_from_the_start_on() -> None:
    """However many are before them."""
    assert Departures(STARTS, None).earliest(4_999) == STARTS
