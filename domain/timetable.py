"""One mailbox's timetable: its days, and the first of them with room for an email."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import islice

from domain.agenda import A_YEAR, Agenda, Opening, Seat
from domain.mailbox_day import MailboxDay
from domain.mailboxes import Mailbox
from domain.rates import RateKind, clock_hour
from domain.recipient_domains import RecipientDomains
from domain.seating import Holder
from domain.send_window import Calendar, Span, instant, joined, local_date
from domain.slot_grid import Ranges, SlotGrid
from domain.throttle import Throttle

_A_DAY = timedelta(days=1)
_AN_INSTANT = timedelta(microseconds=1)
_A_SECOND = timedelta(seconds=1)


class Timetable:
    """
    The days of *mailbox* over the union of *calendars*, everything before *now* gone by.

    Where the mailbox has working hours, its calendars are open within them only.

    A day is made when it is first looked at. Days found full are not looked at again, so that finding
    the next one with room costs the same for the first contact and the fifty-thousandth.

    A *twin* is the timetable of a mailbox that is alike but for its id, over the same calendars: what does
    not depend on who holds a place is worked out once for both.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        calendars: Iterable[Calendar],
        now: datetime,
        *,
        twin: "Timetable | None" = None,
    ) -> None:
        self.mailbox = mailbox
        self.calendars = tuple(dict.fromkeys(calendars))
        self.now = now
        self.gap = max(mailbox.minimum_gap, _A_SECOND)
        self.days: dict[date, MailboxDay] = {}
        self.domains = RecipientDomains(mailbox.recipient_domain_daily_cap)
        self.throttle = Throttle(mailbox, self.day)
        self._bounds: dict[date, Span] = {} if twin is None else twin._bounds
        self._reach: dict[tuple[Calendar, date], tuple[date, date]] = {} if twin is None else twin._reach
        self._pieces: dict[tuple[Calendar, date], dict[date, tuple[Span, ...]]] = (
            {} if twin is None else twin._pieces
        )
        # By capacity too, which may differ between mailboxes that are otherwise alike.
        self._grids: dict[tuple[date, int], SlotGrid] = {} if twin is None else twin._grids
        self._ahead: dict[tuple[Calendar, date, date], Ranges] = {}
        self._agendas: dict[tuple[Calendar, str | None], Agenda] = {}
        self._meetings: dict[tuple[Calendar, date], bool] = {}

    def day(self, send_day: date) -> MailboxDay:
        day = self.days.get(send_day)
        if day is None:
            day = self.days[send_day] = self._new_day(send_day)
        return day

    def _new_day(self, send_day: date) -> MailboxDay:
        capacity = self.mailbox.capacity_on(send_day)
        grid = self._grids.get((send_day, capacity))
        if grid is None:
            grid = self._grids[send_day, capacity] = self._grid(send_day, capacity)
        rates, zone = self.mailbox.rates, self.mailbox.zone
        if not rates:
            return MailboxDay(grid, now=self.now)
        is_hourly = any(rate.kind is RateKind.HOURLY for rate in rates)
        return MailboxDay(
            grid,
            now=self.now,
            closed=lambda: self.throttle.closed(send_day, self.days),
            hour_of=partial(clock_hour, zone=zone) if is_hourly else None,
        )

    def local_day(self, moment: datetime) -> date:
        return local_date(moment, self.mailbox.zone)

    def bounds(self, send_day: date) -> Span:
        """From midnight to midnight where the mailbox is."""
        bounds = self._bounds.get(send_day)
        if bounds is None:
            zone = self.mailbox.zone
            bounds = self._bounds[send_day] = Span(
                instant(send_day, time(0), zone), instant(send_day + _A_DAY, time(0), zone)
            )
        return bounds

    def hold(
        self,
        holder: Holder,
        moment: datetime,
        *,
        window: tuple[Calendar, date] | None = None,
        not_before: datetime | None = None,
        recipient_domain: str | None = None,
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
        self.domains.add(holder, send_day, recipient_domain)
        for neighbour in self._neighbours(send_day, moment):
            neighbour.avoid(moment)
        return send_day

    def release(self, holder: Holder, send_day: date) -> None:
        """Give back the place that *holder* has on *send_day*."""
        moment = self.day(send_day).release(holder)
        for neighbour in self._neighbours(send_day, moment):
            neighbour.forget(moment)
        self.domains.remove(holder, send_day)
        for agenda in self._agendas.values():
            agenda.reopen(*self._window_days(agenda.calendar, send_day))

    def holders(self) -> list[tuple[Holder, datetime]]:
        """Those that hold a place and their instants, soonest first."""
        found = (entry for day in self.days.values() for entry in day.holders())
        return sorted(found, key=lambda entry: entry[1])

    def first_opening(
        self,
        calendar: Calendar,
        first: date,
        not_before: datetime | None = None,
        recipient_domain: str | None = None,
    ) -> Opening | None:
        """The first day from *first* on with room for one email more, others making place for it."""
        opening = self._first_opening(calendar, first, not_before, None)
        if opening is None or self.domains.have_room(opening.send_day, recipient_domain):
            return opening
        return self._first_opening(calendar, first, not_before, recipient_domain)

    def _first_opening(
        self, calendar: Calendar, first: date, not_before: datetime | None, recipient_domain: str | None
    ) -> Opening | None:
        """As :meth:`first_opening`; days that are full for *recipient_domain* have an agenda without them."""
        agenda = self._agendas.get((calendar, recipient_domain))
        if agenda is None:
            agenda = self._agendas[calendar, recipient_domain] = self._agenda(calendar, recipient_domain)
        if not_before is None or not_before <= self.now:
            return agenda.first_opening(first)
        return self._first_late_opening(agenda, first, not_before)

    def first_seat(
        self,
        calendar: Calendar,
        first: date,
        not_before: datetime | None = None,
        recipient_domain: str | None = None,
        *,
        is_urgent: bool = False,
    ) -> Seat | None:
        """
        As :meth:`first_opening`, for an email that needs its instant at once: one that is free as it is.

        A wait that ends in an open window is followed by the soonest one. Elsewhere that would crowd the
        beginning of the next window.
        """
        opening = self.first_opening(calendar, first, not_before, recipient_domain)
        while opening is not None:
            whole = self._ranges(calendar, opening.window_day, opening.send_day, None)
            soonest = is_urgent or opening.ranges != whole
            send_at = opening.day.fixed_slot(opening.ranges, soonest=soonest)
            if send_at is not None:
                return Seat(opening.window_day, send_at)
            following = opening.window_day + _A_DAY
            opening = self.first_opening(calendar, following, not_before, recipient_domain)
        return None

    def openings(
        self, calendar: Calendar, window_day: date, not_before: datetime | None
    ) -> Iterator[Opening]:
        """Where an email may leave in the window that opens on *window_day*, soonest first."""
        for send_day in self._cut(calendar, window_day):
            if ranges := self._ranges(calendar, window_day, send_day, not_before):
                yield Opening(window_day, send_day, self.day(send_day), ranges)

    def spans(self, calendar: Calendar, window_day: date) -> list[Span]:
        """When the mailbox works in the window that opens on *window_day*, soonest first."""
        return [span for spans in self._cut(calendar, window_day).values() for span in spans]

    def meets(self, calendar: Calendar, first: date, *, limit: int) -> bool:
        """Whether the mailbox works in any window that opens on one of the *limit* days from *first* on."""
        key = (calendar, first)
        if key not in self._meetings:
            # Windows repeat: where a year of them is in vain, all are.
            windows = islice(calendar.days(first, limit=limit), A_YEAR)
            self._meetings[key] = any(self._cut(calendar, day) for day in windows)
        return self._meetings[key]

    def assigned(self) -> Iterator[tuple[date, Holder, datetime]]:
        """The day and instant of everyone who reserved, and of those that shift for them."""
        for send_day in sorted(self.days):
            for holder, send_at in self.days[send_day].assign():
                yield send_day, holder, send_at

    def _agenda(self, calendar: Calendar, recipient_domain: str | None) -> Agenda:
        # A window that opened yesterday and closes after midnight may still be open.
        yesterday = self.now.astimezone(calendar.zone).date() - _A_DAY
        return Agenda(
            calendar,
            since=yesterday,
            openings_on=lambda day: tuple(self.openings(calendar, day, None)),
            takes=partial(self.domains.have_room, domain=recipient_domain) if recipient_domain else None,
        )

    def _first_late_opening(self, agenda: Agenda, first: date, not_before: datetime) -> Opening | None:
        """As :meth:`first_opening`, for an email that must not leave before *not_before*."""
        local = not_before.astimezone(agenda.calendar.zone).date()
        for window_day in (local - _A_DAY, local):
            if window_day >= first:
                for opening in self.openings(agenda.calendar, window_day, not_before):
                    if agenda.has_room(opening):
                        return opening
        return agenda.first_opening(max(first, local + _A_DAY))

    def _ranges(
        self, calendar: Calendar, window_day: date, send_day: date, not_before: datetime | None
    ) -> Ranges:
        if not_before is not None and not_before > self.now:
            spans = self._cut(calendar, window_day).get(send_day, ())
            return self.day(send_day).ranges_in(spans, not_before)
        key = (calendar, window_day, send_day)
        ranges = self._ahead.get(key)
        if ranges is None:
            spans = self._cut(calendar, window_day).get(send_day, ())
            ranges = self._ahead[key] = self.day(send_day).ranges_in(spans)
        return ranges

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
                    if worked := self._worked(piece, send_day):
                        cut.setdefault(send_day, []).extend(worked)
            self._pieces[key] = {send_day: tuple(spans) for send_day, spans in sorted(cut.items())}
        return self._pieces[key]

    def _worked(self, piece: Span, send_day: date) -> list[Span]:
        """What of *piece*, a part of *send_day*, lies in the mailbox's working hours."""
        hours = self.mailbox.hours
        if hours is None:
            return [piece]
        # The hours of the evening before may run past midnight.
        spans = (*hours.spans(send_day - _A_DAY), *hours.spans(send_day))
        met = (Span(max(piece.start, span.start), min(piece.end, span.end)) for span in spans)
        return joined(span for span in met if span.start < span.end)

    def _grid(self, send_day: date, capacity: int) -> SlotGrid:
        by_calendar = [self._open_for(calendar, send_day) for calendar in self.calendars]
        spans = joined(span for theirs in by_calendar for span in theirs)
        shortest = min((_length(theirs) for theirs in by_calendar if theirs), default=_A_DAY)
        return SlotGrid(
            spans,
            capacity=capacity,
            gap=self.gap,
            least=1 if spans and self._stands_alone(send_day, spans[0].start) else 0,
            finer=-(-_length(spans) // shortest),
            most=self._most_slots(_length(spans)),
            jitter_percent=self.mailbox.jitter_percent,
        )

    def _most_slots(self, open_time: timedelta) -> int | None:
        jitter_percent = self.mailbox.jitter_percent
        slots = [rate.slots_in(open_time, jitter_percent=jitter_percent) for rate in self.mailbox.rates]
        return min(slots, default=None)

    def _open_for(self, calendar: Calendar, send_day: date) -> list[Span]:
        """When *calendar* is open on the mailbox's *send_day*."""
        window_days = _days_between(*self._window_days(calendar, send_day))
        return joined(span for day in window_days for span in self._cut(calendar, day).get(send_day, ()))

    def _window_days(self, calendar: Calendar, send_day: date) -> tuple[date, date]:
        """The first and last day on which a window may open that reaches into the mailbox's *send_day*."""
        key = (calendar, send_day)
        if key not in self._reach:
            bounds, zone = self.bounds(send_day), calendar.zone
            last = local_date(bounds.end - _AN_INSTANT, zone)
            self._reach[key] = (local_date(bounds.start, zone) - _A_DAY, last)
        return self._reach[key]

    def _neighbours(self, send_day: date, moment: datetime) -> Sequence[MailboxDay]:
        """The days around *send_day* that an email at *moment* is closer to than the gap."""
        bounds = self.bounds(send_day)
        first, last = moment - self.gap, moment + self.gap
        if bounds.start <= first and last <= bounds.end:
            return ()
        near = _days_between(self.local_day(first), self.local_day(last))
        return [self.day(day) for day in near if day != send_day]

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
