"""Waits as they are given: in days, in working days, or in hours and minutes."""

from dataclasses import dataclass

from api.errors import UserErrorCode
from api.inputs import values
from api.inputs.problems import Problem, Problems
from domain.waits import Wait, WaitUnit

LONGEST_WAIT_DAYS = 730
LONGEST_WAIT_WORKING_DAYS = 520
LONGEST_WAIT_HOURS = LONGEST_WAIT_DAYS * 24
LONGEST_WAIT_MINUTES = LONGEST_WAIT_HOURS * 60

DAYS = "Calendar days after the step before it"
WORKING_DAYS = (
    "Instead, working days after the step before it: Mondays to Fridays that are neither holidays nor closed "
    "dates of its sequence."
)
HOURS = "Instead, hours after the step before it left; they and the minutes add up."
MINUTES = "Instead, minutes after the step before it left; they and the hours add up."


@dataclass(frozen=True, slots=True)
class GivenWait:
    """The wait of a step as it is given, in at most one of its units."""

    days: int | None
    working_days: int | None
    hours: int | None
    minutes: int | None

    def read(self, problems: Problems, *path: str) -> Wait | None:
        """The wait; None if none is given. What is wrong with it is a problem of its field."""
        kinds = {
            "waitDays": self.days is not None,
            "waitWorkingDays": self.working_days is not None,
            "waitHours" if self.hours is not None else "waitMinutes": self._has_minutes,
        }
        given = [field for field, is_given in kinds.items() if is_given]
        if len(given) > 1:
            problems.add(
                UserErrorCode.AMBIGUOUS_WAIT,
                f"It waits by {given[0]} already; leave one of them out.",
                *path,
                given[1],
            )
            return None
        wait = None
        for field in given:
            with problems.at(*path, field):
                wait = self._wait()
        return wait

    @property
    def _has_minutes(self) -> bool:
        return self.hours is not None or self.minutes is not None

    def _wait(self) -> Wait:
        if self.days is not None:
            return Wait(values.number(self.days, least=0, most=LONGEST_WAIT_DAYS))
        if self.working_days is not None:
            most = LONGEST_WAIT_WORKING_DAYS
            return Wait(values.number(self.working_days, least=1, most=most), WaitUnit.WORKING_DAYS)
        hours = values.number(self.hours or 0, least=0, most=LONGEST_WAIT_HOURS)
        minutes = hours * 60 + values.number(self.minutes or 0, least=0, most=LONGEST_WAIT_MINUTES)
        if not 1 <= minutes <= LONGEST_WAIT_MINUTES:
            raise Problem(
                UserErrorCode.OUT_OF_RANGE,
                f"Hours and minutes come to {minutes} minutes; make them 1 to {LONGEST_WAIT_MINUTES}, or "
                "write waitDays: 0 for none.",
            )
        return Wait(minutes, WaitUnit.MINUTES)
