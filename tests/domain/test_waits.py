"""Waits in days, in working days and in minutes."""

from datetime import date, timedelta

import pytest

from domain.closed_days import NEVER_CLOSED, ClosedDays
from domain.waits import Wait, WaitUnit

WEDNESDAY = date(2026, 12, 23)
CHRISTMAS = ClosedDays("DE", dates=frozenset({date(2026, 12, 24)}))


@pytest.mark.parametrize(
    ("wait", "closed", "first"),
    [
        (Wait(2), CHRISTMAS, date(2026, 12, 25)),
        (Wait(2, WaitUnit.WORKING_DAYS), NEVER_CLOSED, date(2026, 12, 25)),
        (Wait(3, WaitUnit.WORKING_DAYS), NEVER_CLOSED, date(2026, 12, 28)),
        (Wait(1, WaitUnit.WORKING_DAYS), CHRISTMAS, date(2026, 12, 28)),
        (Wait(5, WaitUnit.WORKING_DAYS), CHRISTMAS, date(2027, 1, 4)),
        (Wait(3000, WaitUnit.MINUTES), CHRISTMAS, WEDNESDAY),
    ],
)
def test_the_first_day_after_a_wait(wait: Wait, closed: ClosedDays, first: date) -> None:
    """Only working days skip weekends, holidays and closed dates; minutes say nothing of days."""
    assert wait.first_day(WEDNESDAY, closed) == first


def test_minutes_are_time_and_days_are_not() -> None:
    """What may end on the day on which it began is none at all, or minutes."""
    assert Wait(90, WaitUnit.MINUTES).minutes == timedelta(hours=1, minutes=30)
    assert Wait(1).minutes is None
    assert [each.may_end_at_once for each in (Wait(0), Wait(1), Wait(1, WaitUnit.MINUTES))] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (Wait(1), "1 day"),
        (Wait(3, WaitUnit.WORKING_DAYS), "3 working days"),
        (Wait(1, WaitUnit.MINUTES), "1 minute"),
    ],
)
def test_a_wait_in_words(wait: Wait, words: str) -> None:
    """As an explanation says it."""
    assert str(wait) == words
