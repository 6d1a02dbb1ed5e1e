"""One mailbox's timetable: its days, and the first of them with room for an email."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta

from domain.agenda import Agenda, Opening
from domain.mailbox_day import MailboxDay
from domain.mailboxes import Mailbox
from domain.seating import Holder
from domain.send_window import Calendar, Span, instant, joined
from domain.slot_grid import Ranges, SlotGrid
from domain.spacing import Spacing

_A_DAY = timedelta(days=1)
_AN_INSTANT = timedelta(microseconds=1)
_A_SECOND = timedelta(seconds=1)


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
        self.gap = max(mailbox.minimum_gap, _A_SECOND)
        self.days: dict[date, MailboxDay] = {}
        self._bounds: dict[date, Span] = {}
        self._pieces: dict[tuple[Calendar, date], dict[date, tuple[Span, ...]]] = {}
        self._ahead: dict[tuple[Calendar, date, date], Ranges] = {}
        self._agendas: dict[Calendar, Agenda] = {}
        # Known from the first time that somebody asks for it.
        self._spacing: Spacing | None = None

    def day(self, send_day: date) -> MailboxDay:
        day = self.days.get(send_day)
        if day is None:
            day = self.days[send_day] = MailboxDay(self._grid(send_day), now=self.now)
        return day

    @property
    def spacing(self) -> Spacing:
        """The instants that are held, and the gap to be kept to them."""
        if self._spacing is None:
            self._spacing = Spacing(self.gap, (moment for _, moment in self.holders()))
        return self._spacing

    def local_day(self, moment: datetime) -> date:
        return moment.astimezone(self.mailbox.zone).date()

    def bounds(self, send_day: date) -> Span:
        """From midnight to midnight where the mailbox is."""
        if send_day not in self._bounds:
            zone = self.mailbox.zone
            self._bounds[send_day] = Span(
                instant(send_day, time(0), zone), instant(send_day + _A_DAY, time(0), zone)
            )
        return self._bounds[send_day]

    def hold(
        self,
        holder: Holder,
        moment: datetime,
        *,
        window: tuple[Calendar, date] | None = None,
        not_before: datetime | None = None,
    ) -> date:
        """
        Note an email that has its instant already, and answer its local day.

        With its *window*, a calendar and a day of it, it may shift in there, not to before *not_before*.
        """
        send_day = self.local_day(moment)
        day = self.day(send_day)
        ranges: Ranges = ()
        if window is not None:
            ranges = self._ranges(*window, send_day, not_before)
        day.hold(holder, moment, ranges)
        for neighbour in self._neighbours(send_day, moment):
            neighbour.avoid(moment)
        if self._spacing is not None:
            self._spacing.add(moment)
        return send_day

    def release(self, holder: Holder, send_day: date) -> None:
        """Give back the place that *holder* has on *send_day*."""
        moment = self.day(send_day).release(holder)
        for neighbour in self._neighbours(send_day, moment):
            neighbour.forget(moment)
        if self._spacing is not None:
            self._spacing.remove(moment)
        for agenda in self._agendas.values():
            agenda.reopen(*self._window_days(agenda.calendar, send_day))

    def holders(self) -> list[tuple[Holder, datetime]]:
        """Those that hold a place and their instants, soonest first."""
        found = (entry for day in self.days.values() for entry in day.holders())
        return sorted(found, key=lambda entry: entry[1])

    def first_opening(
        self, calendar: Calendar, first: date, not_before: datetime | None = None
    ) -> Opening | None:
        """The first day from *first* on with room for one email more, others making place for it."""
        agenda = self._agendas.get(calendar)
        if agenda is None:
            agenda = self._agendas[calendar] = self._agenda(calendar)
        if not_before is None or not_before <= self.now:
            return agenda.first_opening(first)
        return self._first_late_opening(agenda, first, not_before)

    def openings(
        self, calendar: Calendar, window_day: date, not_before: datetime | None
    ) -> Iterator[Opening]:
        """Where an email may leave in the window that opens on *window_day*, soonest first."""
        for send_day in self._cut(calendar, window_day):
            if ranges := self._ranges(calendar, window_day, send_day, not_before):
                yield Opening(window_day, send_day, self.day(send_day), ranges)

    def pieces(self, calendar: Calendar, window_day: date) -> Iterator[tuple[date, Span]]:
        """When the window that opens on *window_day* is open, soonest first, each with the mailbox's day."""
        for send_day, spans in self._cut(calendar, window_day).items():
            for span in spans:
                yield send_day, span

    def assigned(self) -> Iterator[tuple[date, Holder, datetime]]:
        """The day and instant of everyone who reserved, and of those that shift for them."""
        for send_day in sorted(self.days):
            for holder, send_at in self.days[send_day].assign():
                yield send_day, holder, send_at

    def _agenda(self, calendar: Calendar) -> Agenda:
        # A window that opened yesterday and closes after midnight may still be open.
        yesterday = self.now.astimezone(calendar.zone).date() - _A_DAY
        return Agenda(
            calendar, since=yesterday, openings_on=lambda day: tuple(self.openings(calendar, day, None))
        )

    def _first_late_opening(self, agenda: Agenda, first: date, not_before: datetime) -> Opening | None:
        """As :meth:`first_opening`, for an email that must not leave before *not_before*."""
        local = not_before.astimezone(agenda.calendar.zone).date()
        for window_day in (local - _A_DAY, local):
            if window_day >= first:
                for opening in self.openings(agenda.calendar, window_day, not_before):
                    if opening.day.room(opening.ranges) > 0:
                        return opening
        return agenda.first_opening(max(first, local + _A_DAY))

    def _ranges(
        self, calendar: Calendar, window_day: date, send_day: date, not_before: datetime | None
    ) -> Ranges:
        if not_before is not None and not_before > self.now:
            spans = self._cut(calendar, window_day).get(send_day, ())
            return self.day(send_day).ranges_in(spans, not_before)
        key = (calendar, window_day, send_day)
        if key not in self._ahead:
            spans = self._cut(calendar, window_day).get(send_day, ())
            self._ahead[key] = self.day(send_day).ranges_in(spans)
        return self._ahead[key]

    def _cut(self, calendar: Calendar, window_day: date) -> dict[date, tuple[Span, ...]]:
        """The window that opens on *window_day*, cut at the mailbox's midnights."""
        key = (calendar, window_day)
        if key not in self._pieces:
            cut: dict[date, list[Span]] = {}
            for span in calendar.spans(window_day):
                for send_day in _days_between(
                    self.local_day(span.start), self.local_day(span.end - _AN_INSTANT)
                ):
                    bounds = self.bounds(send_day)
                    piece = Span(max(span.start, bounds.start), min(span.end, bounds.end))
                    cut.setdefault(send_day, []).append(piece)
            self._pieces[key] = {send_day: tuple(spans) for send_day, spans in sorted(cut.items())}
        return self._pieces[key]

    def _grid(self, send_day: date) -> SlotGrid:
        by_calendar = [self._open_for(calendar, send_day) for calendar in self.calendars]
        spans = joined(span for theirs in by_calendar for span in theirs)
        shortest = min((_length(theirs) for theirs in by_calendar if theirs), default=_A_DAY)
        return SlotGrid(
            spans,
            capacity=self.mailbox.capacity_on(send_day),
            gap=self.gap,
            least=1 if spans and self._stands_alone(send_day, spans[0].start) else 0,
            finer=-(-_length(spans) // shortest),
        )

    def _open_for(self, calendar: Calendar, send_day: date) -> list[Span]:
        """When *calendar* is open on the mailbox's *send_day*."""
        window_days = _days_between(*self._window_days(calendar, send_day))
        return joined(span for day in window_days for span in self._cut(calendar, day).get(send_day, ()))

    def _window_days(self, calendar: Calendar, send_day: date) -> tuple[date, date]:
        """The first and last day on which a window may open that reaches into the mailbox's *send_day*."""
        bounds, zone = self.bounds(send_day), calendar.zone
        last = (bounds.end - _AN_INSTANT).astimezone(zone).date()
        return bounds.start.astimezone(zone).date() - _A_DAY, last

    def _neighbours(self, send_day: date, moment: datetime) -> Iterator[MailboxDay]:
        """The days around *send_day* that an email at *moment* is closer to than the gap."""
        bounds = self.bounds(send_day)
        first, last = moment - self.gap, moment + self.gap
        if first < bounds.start or last > bounds.end:
            for day in _days_between(self.local_day(first), self.local_day(last)):
                if day != send_day:
                    yield self.day(day)

    def _stands_alone(self, send_day: date, opens: datetime) -> bool:
        """Whether no later day opens within the gap after *opens*: an email then is never too close."""
        following = _days_between(send_day + _A_DAY, self.local_day(opens + self.gap))
        return all(
            span.start >= opens + self.gap
            for day in following
            for calendar in self.calendars
            for span in self._open_for(calendar, day)
        )


def _length(spans: Iterable[Span]) -> timedelta:
    return sum((span.end - span.start for span in spans), timedelta())


def _days_between(first: date, last: date) -> Sequence[date]:
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
