"""A calendar's agenda at one mailbox: how far it looks for a slot, and when it gives up."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.agenda import A_YEAR, HORIZON_DAYS, Agenda, Opening
from domain.mailbox_day import MailboxDay
from domain.send_window import Calendar, Span
from domain.slot_grid import SlotGrid
from tests.domain.planning_world import BERLIN, hours

MONDAY = date(2026, 11, 23)
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
A_DAY = timedelta(days=1)
ALWAYS = Calendar(BERLIN)
MONDAYS = Calendar(BERLIN, hours((9, 0, 17, 0), days={1}))


class Days:
    """The days that an agenda asked for; of each *slots* are the slots, *held* the emails."""

    def __init__(self, *, slots: int = 0, held: int = 0, first_with_slots: date = MONDAY) -> None:
        self.asked: list[date] = []
        self._slots, self._held, self._first = slots, held, first_with_slots

    def openings_on(self, day: date) -> tuple[Opening, ...]:
        self.asked.append(day)
        slots = self._slots if day >= self._first else 0
        open_time = Span(NINE, NINE + timedelta(seconds=slots))
        grid = SlotGrid([open_time], capacity=1, gap=timedelta(seconds=1))
        mailbox_day = MailboxDay(grid, now=NINE)
        mailbox_day.fill(self._held)
        return (Opening(day, day, mailbox_day, ((0, slots),) if slots else ()),)


def agenda(calendar: Calendar, days: Days) -> Agenda:
    return Agenda(calendar, since=MONDAY, openings_on=days.openings_on)


@pytest.mark.parametrize(("calendar", "windows"), [(ALWAYS, A_YEAR), (MONDAYS, A_YEAR // 7)])
def test_a_year_of_windows_without_a_slot_is_the_last(calendar: Calendar, windows: int) -> None:
    """Nobody is there, and no window has a slot: none ever will; a month more may have been looked at."""
    days = Days()
    asked = agenda(calendar, days)

    assert asked.first_opening(MONDAY) is None
    assert windows < len(days.asked) <= windows + 32
    assert asked.first_opening(MONDAY + A_DAY) is None
    assert len(days.asked) <= windows + 32


def test_days_that_others_filled_are_no_reason_to_give_up() -> None:
    """For twenty years each day has one slot, and somebody on it."""
    days = Days(slots=1, held=1)

    assert agenda(ALWAYS, days).first_opening(MONDAY) is None
    assert HORIZON_DAYS <= len(days.asked) <= HORIZON_DAYS + 64


def test_a_slot_within_the_year_is_found() -> None:
    """Eleven months of windows have none, as of a mailbox that warms up."""
    late = MONDAY + 330 * A_DAY

    found = agenda(ALWAYS, Days(slots=1, first_with_slots=late)).first_opening(MONDAY)

    assert found is not None
    assert found.window_day == late
