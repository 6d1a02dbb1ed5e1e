"""Holidays, working hours and waits in a scenario file: each arrives, and a bad one is named."""

from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import pytest

from app.simulation.reading import read_scenario
from domain.closed_days import ClosedDays
from domain.send_window import SendWindow
from domain.simulation import simulate
from domain.waits import Wait, WaitUnit
from tests.support.scenario import SMALL, problems

Written = Callable[[str], Path]
CHRISTMAS = """
zone = "Europe/Berlin"
start = 2026-12-23
[[sequences]]
name = "Welcome"
weekdays = [1, 2, 3, 4, 5]
intervals = ["09:00-17:00"]
holiday_country = "DE"
holiday_subdivision = "BY"
closed_dates = [2026-12-24]
steps = [{}, { wait_hours = 1, wait_minutes = 30 }, { wait_working_days = 2 }]
[[mailboxes]]
name = "north"
working_hours = { intervals = ["12:00-18:00"], weekdays = [1, 2, 3, 4, 5] }
[[contacts]]
sequence = "Welcome"
number = 3
"""


def test_holidays_hours_and_waits_arrive(written: Written) -> None:
    """The calendar of the sequence, the hours of the mailbox, and one wait of each unit."""
    scenario = read_scenario(written(CHRISTMAS)).scenario

    (course,), (north,) = scenario.courses, scenario.mailboxes
    assert course.sequence.calendar.closed == ClosedDays("DE", "BY", frozenset({date(2026, 12, 24)}))
    assert course.waits == (Wait(0), Wait(90, WaitUnit.MINUTES), Wait(2, WaitUnit.WORKING_DAYS))
    assert north.working_hours == SendWindow(frozenset(range(1, 6)), ((time(12), time(18)),))


def test_a_simulation_keeps_them(written: Written) -> None:
    """Two emails each on Wednesday from noon on, the third after Christmas on the second working day."""
    simulated = simulate(read_scenario(written(CHRISTMAS)).scenario)

    assert {day: emails for (day, _), emails in simulated.sent.items()} == {
        date(2026, 12, 23): 6,
        date(2026, 12, 29): 3,
    }


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'name = "Welcome"',
            'name = "Welcome"\nholiday_country = "XX"',
            (
                "sequences 1, holiday_country: “XX” is not a country of ISO 3166-1 whose holidays are known; "
                "give two capitals, for example DE."
            ),
        ),
        (
            'name = "Welcome"',
            'name = "Welcome"\nholiday_country = "GB"\nholiday_subdivision = "BY"',
            (
                "sequences 1, holiday_subdivision: “BY” is not a subdivision of GB; give one of ENG, NIR, "
                "SCT, WLS, or none."
            ),
        ),
        (
            'name = "Welcome"',
            'name = "Welcome"\nholiday_subdivision = "BY"',
            "sequences 1, holiday_subdivision: is part of no country; add holiday_country, or give none",
        ),
        (
            "steps = [{}",
            "steps = [{ wait_days = 1, wait_minutes = 5 }",
            "sequences 1, steps 1: waits in more than one unit; leave out all but one",
        ),
        (
            'name = "north"',
            'name = "north"\nworking_hours = { intervals = ["09:00-09:00"] }',
            "mailboxes 1, working_hours, intervals: An interval ends where it starts, at 09:00.",
        ),
    ],
)
def test_a_problem_is_named_with_what_helps(written: Written, old: str, new: str, problem: str) -> None:
    """The line says where it is and what to do."""
    assert old in SMALL

    assert problems(written(SMALL.replace(old, new, 1))) == [problem]
