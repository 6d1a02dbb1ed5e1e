"""One mailbox's timetable: its days, and the first of them with room for an email."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from domain.itineraries import Slot
from domain.mailbox_day import Holder, MailboxDay, Ranges
from domain.mailboxes import Mailbox
from domain.send_window import Calendar, Span, instant

# Twenty years: even 200,000 emails through one mailbox at 30 a day end within it.
HORIZON_DAYS = 7305
_A_DAY = timedelta(days=1)
_AN_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """A day on which an email may leave: *window_day* of its window, *send_day* of the mailbox."""

    window_day: date
    send_day: date
    ranges: Ranges
    room: int


class Timetable:
    """
    The days of *mailbox* over the union of *calendars*, everything before *now* gone by.

    A day is made when it is first looked at. Days found full are not looked at again, so that finding
    the next one with room costs the same for the first contact and the fifty-thousandth.
    """

    def __init__(self, mailbox: Mailbox, calendars: Iterable[Calendar], now: datetime) -> None:
        self.mailbox = mailbox
        self.calendars = tuple(dict.fromkeys(calendars))
        self.now = now
        self._days: dict[date, MailboxDay] = {}
        self._windows: dict[tuple[Calendar, date], tuple[tuple[date, tuple[Span, ...]], ...]] = {}
        self._next: dict[Calendar, dict[date, date]] = {}

    def day(self, send_day: date) -> MailboxDay:
        if send_day not in self._days:
            self._days[send_day] = MailboxDay(
                capacity=self.mailbox.capacity_on(send_day),
                gap=self.mailbox.minimum_gap,
                spans=self._open_on(send_day),
                now=self.now,
            )
        return self._days[send_day]

    @property
    def days(self) -> dict[date, MailboxDay]:
        """The days that were looked at so far."""
        return self._days

    def local_day(self, moment: datetime) -> date:
        return moment.astimezone(self.mailbox.zone).date()

    def hold(self, key: Holder, moment: datetime, *, calendar: Calendar | None = None) -> None:
        """Note an email that has its instant already; with its *calendar* it may shift inside its window."""
        day = self.day(self.local_day(moment))
        ranges: Ranges = ()
        if calendar is not None and (window_day := calendar.day_of(moment)) is not None:
            spans = dict(self._window(calendar, window_day)).get(self.local_day(moment), ())
            ranges = day.ranges_in(spans)
        day.hold(key, moment, ranges)

    def release(self, key: Holder, send_day: date) -> None:
        self.day(send_day).release(key)
        self._next.clear()

    def reserve(
        self, key: Holder, calendar: Calendar, first: date, not_before: datetime | None = None
    ) -> Slot | None:
        """Take the first day from *first* on with room; its instant is known after :meth:`assigned`."""
        for opening in self.openings(calendar, first, not_before):
            if self.day(opening.send_day).reserve(key, opening.ranges):
                return Slot(self.mailbox.id, self.now, opening.window_day, opening.send_day)
            if (
                not self._is_late(not_before)
                and opening.send_day == self._window(calendar, opening.window_day)[-1][0]
            ):
                self._next[calendar][opening.window_day] = opening.window_day + _A_DAY
        return None

    def first_opening(
        self, calendar: Calendar, first: date, not_before: datetime | None = None
    ) -> Opening | None:
        """The first day from *first* on with room for one email more, nobody shifting for it."""
        return next((each for each in self.openings(calendar, first, not_before) if each.room > 0), None)

    def openings(self, calendar: Calendar, first: date, not_before: datetime | None) -> Iterator[Opening]:
        """The days from *first* on that are not full, soonest first."""
        is_late = self._is_late(not_before)
        # A window that opened yesterday and closes after midnight may still be open.
        start = max(first, self.now.astimezone(calendar.zone).date() - _A_DAY)
        skips = self._next.setdefault(calendar, {})
        window_day = _follow(skips, start)
        last = start + timedelta(days=HORIZON_DAYS)
        while window_day <= last and (calendar.last_date is None or window_day <= calendar.last_date):
            is_full = True
            for send_day, spans in self._window(calendar, window_day):
                day = self.day(send_day)
                ranges = day.ranges_in(spans, not_before if is_late else None)
                room = day.room(ranges) if ranges else 0
                if ranges and (room > 0 or not day.is_full):
                    is_full = False
                    yield Opening(window_day, send_day, ranges, room)
            if is_full and not is_late:
                skips[window_day] = window_day + _A_DAY
            window_day = _follow(skips, window_day + _A_DAY)

    def _is_late(self, not_before: datetime | None) -> bool:
        return not_before is not None and not_before > self.now

    def assigned(self) -> Iterator[tuple[Holder, datetime]]:
        """The instant of everyone who reserved, and of those that shift for them."""
        for send_day in sorted(self._days):
            yield from self._days[send_day].assign().items()

    def _window(self, calendar: Calendar, window_day: date) -> tuple[tuple[date, tuple[Span, ...]], ...]:
        """The window that opens on *window_day*, cut at the mailbox's midnights."""
        key = (calendar, window_day)
        if key not in self._windows:
            cut: dict[date, list[Span]] = {}
            for span in calendar.spans(window_day):
                for send_day in _days_between(
                    self.local_day(span.start), self.local_day(span.end - _AN_INSTANT)
                ):
                    bounds = self._bounds(send_day)
                    cut.setdefault(send_day, []).append(
                        Span(max(span.start, bounds.start), min(span.end, bounds.end))
                    )
            self._windows[key] = tuple((day, tuple(spans)) for day, spans in sorted(cut.items()))
        return self._windows[key]

    def _open_on(self, send_day: date) -> list[Span]:
        """The union of all windows on the mailbox's *send_day*."""
        pieces = sorted(
            span
            for calendar in self.calendars
            for window_day in _days_between(send_day - 2 * _A_DAY, send_day + _A_DAY)
            for day, spans in self._window(calendar, window_day)
            if day == send_day
            for span in spans
        )
        union: list[Span] = []
        for piece in pieces:
            if union and piece.start <= union[-1].end:
                union[-1] = Span(union[-1].start, max(union[-1].end, piece.end))
            else:
                union.append(piece)
        return union

    def _bounds(self, send_day: date) -> Span:
        zone = self.mailbox.zone
        return Span(instant(send_day, time(0), zone), instant(send_day + _A_DAY, time(0), zone))


def _follow(skips: dict[date, date], day: date) -> date:
    """The first day at or after *day* that was not found full, shortening the way for the next one."""
    passed: list[date] = []
    while (onward := skips.get(day)) is not None:
        passed.append(day)
        day = onward
    for each in passed:
        skips[each] = day
    return day


def _days_between(first: date, last: date) -> Sequence[date]:
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
