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
    Closes slots of the days of *mailbox*, one after the other from *today* on, as if every slot were used.

    Slots lie far enough apart for the rates. It is where they meet emails between them, or slots of another
    day that lie otherwise, that some have to stay empty: days that are alike, without such emails, lose none.
    """

    def __init__(self, mailbox: Mailbox, day_on: Callable[[date], MailboxDay], *, today: date) -> None:
        self._today = today
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
            # Once, up to the last holder: one between slots may close a slot before it. From today on, or a
            # day that is looked at later might get a slot too close to one that was granted behind it.
            self._next = min(*known, self._today)
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
            self._sweep(self._next, self._day_on(self._next))
            self._next += _A_DAY

    def _sweep(self, send_day: date, day: MailboxDay) -> None:
        places = day.places()
        # Those that emails between slots use up stay empty, even if such an email moves away meanwhile.
        self._closed[send_day] = set(range(day.grid.slots)).difference([place.slot for place in places])
        for place in places:
            if place.slot is None:
                self._pass_over(Mark(place.instant, place.instant, None))
            else:
                latest = self.latest(place.instant, day.grid.jitter)
                self._pass_over(
                    Mark(place.instant, latest, (send_day, place.slot) if place.is_free else None)
                )

    def _pass_over(self, mark: Mark[_Slot]) -> None:
        for sweep in self._sweeps:
            closed = sweep.pass_over(mark)
            for send_day, number in closed:
                self._closed[send_day].add(number)
            if mark.removable in closed:
                return
