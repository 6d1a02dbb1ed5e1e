"""A calendar's agenda at one mailbox: the days on which it opens and that are not yet known to be full."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from domain.journeys import Booking
from domain.mailbox_day import MailboxDay
from domain.send_window import Calendar
from domain.slot_grid import Ranges

# Twenty years: even 200,000 emails through one mailbox at 30 a day end within it.
HORIZON_DAYS = 7305
_LOOK_AHEAD_DAYS = 32
# Windows repeat: a year of them without a single slot means that the mailbox's gap or its rates leave none.
A_YEAR = 366
_A_DAY = timedelta(days=1)


@dataclass(slots=True, eq=False)
class Opening:
    """Where an email may leave: *window_day* of its window, *send_day* of the mailbox, slots of that day."""

    window_day: date
    send_day: date
    day: MailboxDay
    ranges: Ranges

    def take(self, booking: Booking, *, is_urgent: bool = False) -> None:
        """Ask for a slot here, for :attr:`day` to assign later."""
        booking.window_day, booking.send_day = self.window_day, self.send_day
        self.day.reserve(booking, self.ranges, is_urgent=is_urgent)


@dataclass(frozen=True, slots=True)
class Seat:
    """The very instant at which an email may leave, in the window of *window_day*."""

    window_day: date
    send_at: datetime


class Agenda:
    """
    The days of *calendar* from *since* on, and on each *openings_on* it.

    A day found full is taken out, so that finding the next one costs the same for the first contact and
    the fifty-thousandth. *takes* says whether a day of the mailbox is open to the emails of this agenda; not
    given, all are.
    """

    def __init__(
        self,
        calendar: Calendar,
        *,
        since: date,
        openings_on: Callable[[date], tuple[Opening, ...]],
        takes: Callable[[date], bool] | None = None,
    ) -> None:
        self.calendar = calendar
        self._since = since
        self._known_until = since
        self._openings_on = openings_on
        self._takes = takes
        self._openings: dict[date, tuple[Opening, ...]] = {}
        self._days: list[date] = []
        # How many windows in a row had no slot, though nobody is there.
        self._in_vain = 0

    def first_opening(self, first: date) -> Opening | None:
        """The first opening with room in a window that opens on or after *first*."""
        while True:
            at = bisect_left(self._days, first)
            if at < len(self._days):
                for opening in self._openings_of(self._days[at]):
                    if self.has_room(opening):
                        return opening
                del self._days[at]
            elif not self._look_ahead(first):
                return None

    def has_room(self, opening: Opening) -> bool:
        if opening.day.room(opening.ranges) <= 0:
            return False
        return self._takes is None or self._takes(opening.send_day)

    def reopen(self, first: date, last: date) -> None:
        """Look again at the windows that open from *first* to *last*: a place was given back."""
        while first <= last:
            if first in self._openings:
                at = bisect_left(self._days, first)
                if self._days[at : at + 1] != [first]:
                    self._days.insert(at, first)
            first += _A_DAY

    def _look_ahead(self, first: date) -> bool:
        """Note more days; False when there are none within the horizon of *first*."""
        if self._in_vain > _windows_a_year(self.calendar):
            return False
        if self._known_until > max(first, self._since) + timedelta(days=HORIZON_DAYS):
            return False
        self._days += _open_days(self.calendar, self._known_until)
        self._known_until += timedelta(days=_LOOK_AHEAD_DAYS)
        return True

    def _openings_of(self, window_day: date) -> tuple[Opening, ...]:
        openings = self._openings.get(window_day)
        if openings is None:
            openings = self._openings[window_day] = self._openings_on(window_day)
            has_slots = any(opening.day.count or opening.day.room(opening.ranges) for opening in openings)
            self._in_vain = 0 if has_slots else self._in_vain + 1
        return openings


def _windows_a_year(calendar: Calendar) -> int:
    return A_YEAR if calendar.window is None else A_YEAR * len(calendar.window.weekdays) // 7


# All mailboxes of a sequence look ahead over the same days.
@lru_cache(maxsize=4096)
def _open_days(calendar: Calendar, first: date) -> tuple[date, ...]:
    return tuple(calendar.days(first, limit=_LOOK_AHEAD_DAYS))
