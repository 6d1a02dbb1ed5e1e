"""Pacing: emails that leave one after another, each at an instant of its own instead of a slot of a day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.agenda import HORIZON_DAYS
from domain.itineraries import Slot
from domain.journeys import Booking
from domain.mailbox_day import MailboxDay
from domain.send_window import Calendar
from domain.spacing import Spacing
from domain.timetable import Timetable

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PacedOpening:
    """The instant at which an email may leave from one mailbox, *pace* kept to the others of its sequence."""

    window_day: date
    send_day: date
    send_at: datetime
    timetable: Timetable
    pace: Spacing

    @property
    def day(self) -> MailboxDay:
        return self.timetable.day(self.send_day)

    def take(self, booking: Booking, *, recipient_domain: str | None) -> None:
        """Hold the instant at once."""
        self.timetable.hold(booking, self.send_at, recipient_domain=recipient_domain)
        self.pace.add(self.send_at)
        mailbox_id = self.timetable.mailbox.id
        booking.slot = Slot(mailbox_id, self.send_at, self.window_day, self.send_day)
        booking.window_day, booking.send_day = self.window_day, self.send_day


class Track:
    """
    The openings of *calendar* at one mailbox for emails that keep *pace* to each other, on all mailboxes.

    They are asked for in order, and what was not free for one is not free for the next: unless something was
    given back, the search goes on where the last one ended, and five thousand do not walk over each other.
    """

    def __init__(
        self, timetable: Timetable, calendar: Calendar, pace: Spacing, *, recipient_domain: str | None
    ) -> None:
        self._timetable = timetable
        self._recipient_domain = recipient_domain
        self._calendar = calendar
        self._pace = pace
        self._spacings = (timetable.spacing, pace)
        self._asked: tuple[date, datetime] | None = None
        self._found: PacedOpening | None = None
        self._freed = 0

    def first_opening(self, first: date, not_before: datetime | None) -> PacedOpening | None:
        """The first opening in a window that opens on or after *first*, not before *not_before*."""
        now = self._timetable.now
        since = now if not_before is None else max(now, not_before)
        asked, start = (first, since), first
        if self._asked is not None and self._goes_on(first, since):
            if self._found is None:
                return None
            start, since = max(first, self._found.window_day), max(since, self._found.send_at)
        self._asked, self._found = asked, self._search(start, since)
        self._freed = self._count_freed()
        return self._found

    def _goes_on(self, first: date, since: datetime) -> bool:
        """Whether nothing is free from *first* and *since* on before what was found last."""
        if self._asked is None or first < self._asked[0] or since < self._asked[1]:
            return False
        return self._freed == self._count_freed()

    def _count_freed(self) -> int:
        return sum(len(spacing.freed) for spacing in self._spacings)

    def _search(self, first: date, since: datetime) -> PacedOpening | None:
        timetable = self._timetable
        start = max(first, since.astimezone(self._calendar.zone).date() - _A_DAY)
        if not timetable.layout.meets(self._calendar, start, limit=HORIZON_DAYS):
            return None
        for window_day in self._calendar.days(start, limit=HORIZON_DAYS):
            for send_day, span in timetable.layout.pieces(self._calendar, window_day):
                if span.end > since and self._has_room(send_day):
                    moment = self._first_free(max(span.start, since))
                    if moment < span.end:
                        return PacedOpening(window_day, send_day, moment, timetable, self._pace)
        return None

    def _has_room(self, send_day: date) -> bool:
        timetable = self._timetable
        has_capacity = timetable.day(send_day).has_capacity
        return has_capacity and timetable.domains.have_room(send_day, self._recipient_domain)

    def _first_free(self, moment: datetime) -> datetime:
        mailbox, pace = self._spacings
        while (later := pace.first_free(mailbox.first_free(moment))) != moment:
            moment = later
        return moment
