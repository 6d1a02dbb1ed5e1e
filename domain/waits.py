"""Waits between a step and the one before it: in days, in working days, or in minutes."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from typing_extensions import override

from domain.closed_days import ClosedDays

_A_DAY = timedelta(days=1)
_FRIDAY = 5
# Ten years: who closes that long waits no longer than that.
_MOST_DAYS = 3653


class WaitUnit(StrEnum):
    DAYS = "DAYS"
    WORKING_DAYS = "WORKING_DAYS"
    MINUTES = "MINUTES"


@dataclass(frozen=True, slots=True)
class Wait:
    """
    *amount* of one *unit* after the step before; for a first step, after the enrollment.

    Days count from the day on which the window opened that it left in, minutes from the instant at which it
    left. Working days are Mondays to Fridays on which the sequence is not closed.
    """

    amount: int
    unit: WaitUnit = WaitUnit.DAYS

    @override
    def __str__(self) -> str:
        unit = self.unit.replace("_", " ").lower()
        return f"{self.amount} {unit.removesuffix('s') if self.amount == 1 else unit}"

    @property
    def minutes(self) -> timedelta | None:
        """The time after the step before it; None if only days count."""
        return timedelta(minutes=self.amount) if self.unit is WaitUnit.MINUTES else None

    @property
    def may_end_at_once(self) -> bool:
        """Whether it may end on the day on which it began."""
        return self.amount == 0 or self.unit is WaitUnit.MINUTES

    def first_day(self, since: date, closed: ClosedDays) -> date:
        """The first day on which it may be over, if it began on *since*."""
        if self.unit is WaitUnit.DAYS:
            return days_after(since, self.amount)
        if self.unit is WaitUnit.WORKING_DAYS:
            return _working_day(since, self.amount, closed)
        return since


# The same few days are asked for again and again.
@lru_cache(maxsize=4096)
def days_after(day: date, number: int) -> date:
    return day + timedelta(days=number)


@lru_cache(maxsize=65536)
def _working_day(since: date, number: int, closed: ClosedDays) -> date:
    """The *number*-th working day after *since*."""
    day = since
    for _ in range(_MOST_DAYS):
        if number == 0:
            break
        day += _A_DAY
        number -= is_working_day(day, closed)
    return day


def is_working_day(day: date, closed: ClosedDays) -> bool:
    return day.isoweekday() <= _FRIDAY and day not in closed
