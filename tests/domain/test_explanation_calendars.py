"""Why an email has its time: holidays, working hours and waits in other units than days."""

from dataclasses import replace
from datetime import date

from domain.closed_days import ClosedDays
from domain.explanation import explain
from domain.send_window import Calendar
from domain.surroundings import Surroundings
from domain.waits import Wait, WaitUnit
from tests.domain.planning_examples import OFFICE
from tests.domain.planning_world import BERLIN, hours
from tests.domain.test_explanation import BOX, at, explained, one, wall

WORKDAYS = hours((9, 0, 17, 0), days=range(1, 6))


def test_a_holiday_is_named_apart_from_the_window() -> None:
    """Enrolled on Monday night; Tuesday is closed by the sequence, and Wednesday is a holiday in Saxony."""
    closed = ClosedDays("DE", "SN", frozenset({date(2026, 11, 17)}))
    calendar = Calendar(BERLIN, WORKDAYS, closed=closed)

    found = explained(one(calendar, at(19, 9), since=at(16, 20)))

    assert wall(found) == [
        ("ENROLLED", "Mon 20:00"),
        ("HOLIDAY", "Wed 00:00"),
        ("HOLIDAY", "Thu 00:00"),
        ("WINDOW", "Thu 09:00"),
    ]
    assert [push.detail for push in found.pushes][1:3] == [
        "the sequence is closed on 2026-11-17",
        "Repentance and Prayer Day on 2026-11-18 in DE-SN",
    ]


def test_full_days_before_a_holiday_are_told_before_it() -> None:
    """Monday is full, Tuesday closed."""
    calendar = replace(OFFICE, closed=ClosedDays(dates=frozenset({date(2026, 11, 24)})))

    found = explained(one(calendar, at(25, 9)), counted={date(2026, 11, 23): 30})

    assert wall(found) == [
        ("ENROLLED", "Mon 07:00"),
        ("WINDOW", "Mon 09:00"),
        ("MAILBOX_FULL", "Tue 00:00"),
        ("HOLIDAY", "Wed 00:00"),
        ("WINDOW", "Wed 09:00"),
    ]


def test_the_hours_of_the_mailbox_are_told_after_the_window() -> None:
    """The office opens at nine on Monday; the mailbox works on Tuesdays from noon on."""
    box = replace(BOX, working_hours=hours((12, 0, 18, 0), days={2}))
    enrollment = one(OFFICE, at(24, 12))

    found = explain(enrollment, enrollment.legs[0], surroundings=Surroundings(box))

    assert wall(found) == [
        ("ENROLLED", "Mon 07:00"),
        ("WINDOW", "Mon 09:00"),
        ("WORKING_HOURS", "Tue 12:00"),
    ]


def test_a_wait_in_minutes_counts_from_the_email_before() -> None:
    """It left at 09:16; 90 minutes later is 10:46, and the next slot is at 10:52."""
    enrollment = one(OFFICE, at(23, 10, 52))
    leg = enrollment.legs[0]._replace(position=2, wait=Wait(90, WaitUnit.MINUTES))
    gone = replace(enrollment, legs=(leg,), last_window_day=date(2026, 11, 23), left_at=at(23, 9, 16))

    found = explained(gone)

    assert wall(found) == [
        ("ENROLLED", "Mon 07:00"),
        ("PREVIOUS_STEP", "Mon 09:16"),
        ("WAIT", "Mon 10:46"),
        ("EVEN_SPACING", "Mon 10:52"),
    ]
    assert found.pushes[2].detail == "90 minutes after it"


def test_a_wait_in_working_days_is_told_in_them() -> None:
    """Three working days after Thursday is Tuesday."""
    enrollment = one(OFFICE, at(24, 9), since=at(19, 8))
    leg = enrollment.legs[0]._replace(wait=Wait(3, WaitUnit.WORKING_DAYS))

    found = explained(replace(enrollment, legs=(leg,)))

    assert wall(found)[1:] == [("WAIT", "Tue 00:00"), ("WINDOW", "Tue 09:00")]
    assert found.pushes[1].detail == "3 working days after 2026-11-19"
