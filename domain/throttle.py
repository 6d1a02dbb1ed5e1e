"""The throttle of a mailbox: slots that stay empty, so that any plan into the others keeps its rates."""

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta

from domain.mailbox_day import MailboxDay
from domain.mailboxes import Mailbox
from domain.rates import AN_HOUR, Mark, RateKind, Sweep, clock_hour

_A_DAY = timedelta(days=1)
_A_SECOND = timedelta(seconds=1)
_Slot = tuple[date, int]


class Throttle:
    """
    Closes slots of the days of *mailbox*, one day after the other, as if every slot were used.

    Slots lie far enough apart for the rates. It is where they meet emails between them, or slots of another
    day that lie otherwise, that some have to stay empty: days that are alike, without such emails, lose none.
    """

    def __init__(self, mailbox: Mailbox, day_on: Callable[[date], MailboxDay]) -> None:
        self._zone = mailbox.zone
        self._is_hourly = any(rate.kind is RateKind.HOURLY for rate in mailbox.rates)
        self._sweeps = [Sweep[_Slot](rate, mailbox.zone) for rate in mailbox.rates]
        self._day_on = day_on
        self._closed: dict[date, set[int]] = {}
        self._next: date | None = None

    def closed(self, send_day: date, known: Collection[date]) -> Collection[int]:
        """
        The slots of *send_day* that stay empty.

        *known* are the days on which anyone holds a place; none holds one later that does not now.
        """
        if self._next is None:
            # Once, up to the last holder: one between slots may close a slot before it.
            self._next = min(known)
            self._sweep_until(max(known))
        self._sweep_until(send_day)
        return self._closed.get(send_day, ())

    def latest(self, start: datetime, jitter: timedelta) -> datetime:
        """Until when the email of the slot at *start* may leave; in its hour, if hours are limited."""
        if not self._is_hourly or not jitter:
            return start + jitter
        return min(start + jitter, max(start, clock_hour(start, self._zone) + AN_HOUR - _A_SECOND))

    def _sweep_until(self, last: date) -> None:
        while self._next is not None and self._next <= last:
            day = self._day_on(self._next)
            for place in day.places():
                latest = self.latest(place.instant, day.grid.jitter) if place.is_slot else place.instant
                slot = None if place.free is None else (self._next, place.free)
                self._pass_over(Mark(place.instant, latest, slot))
            self._next += _A_DAY

    def _pass_over(self, mark: Mark[_Slot]) -> None:
        for sweep in self._sweeps:
            closed = sweep.pass_over(mark)
            for send_day, number in closed:
                self._closed.setdefault(send_day, set()).add(number)
            if mark.removable in closed:
                return
