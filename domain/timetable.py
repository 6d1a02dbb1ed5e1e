"""One mailbox's timetable: its days, and the first of them with room for an email."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from weakref import proxy

from domain.agenda import Agenda, Opening, Seat
from domain.ids import EmailId
from domain.journeys import Booking
from domain.layout import days_between
from domain.layouts import Layouts
from domain.mailbox_day import MailboxDay
from domain.mailboxes import Mailbox
from domain.plan import Taken, TakenDay
from domain.rates import RateKind, clock_hour
from domain.recipient_domains import RecipientDomains
from domain.seating import Holder
from domain.send_window import Calendar
from domain.slot_grid import Ranges
from domain.spacing import RatedSpacing
from domain.throttle import Throttle

_A_DAY = timedelta(days=1)


class Timetable:
    """
    The days of *mailbox* over the union of *calendars*, everything before *now* gone by.

    A day is made when it is first looked at. Days found full are not looked at again, so that finding
    the next one with room costs the same for the first contact and the fifty-thousandth.

    With *layouts* it shares its layout with those of mailboxes that are alike.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        calendars: Iterable[Calendar],
        now: datetime,
        *,
        layouts: Layouts | None = None,
    ) -> None:
        self.mailbox = mailbox
        self.now = now
        self.layout = (layouts or Layouts()).of(mailbox, calendars)
        self.days: dict[date, MailboxDay] = {}
        self.domains = RecipientDomains(mailbox.recipient_domain_daily_cap)
        # What it owns knows it weakly: in a cycle, all of a plan would be left to the garbage collector.
        self._me: Timetable = proxy(self)
        self.throttle = Throttle(mailbox, partial(Timetable.day, self._me), today=self.layout.local_day(now))
        self._ahead: dict[tuple[Calendar, date, date], Ranges] = {}
        self._agendas: dict[tuple[Calendar, str | None], Agenda] = {}
        # Whether any email of the plan ever held a place here.
        self.has_bookings = False
        # Known from the first time that somebody asks for it.
        self._spacing: RatedSpacing | None = None

    def day(self, send_day: date) -> MailboxDay:
        day = self.days.get(send_day)
        if day is None:
            day = self.days[send_day] = self._new_day(send_day)
        return day

    def _new_day(self, send_day: date) -> MailboxDay:
        # By capacity too, which may differ between mailboxes that are otherwise alike.
        grid = self.layout.grid(send_day, self.mailbox.capacity_on(send_day))
        rates, zone = self.mailbox.rates, self.mailbox.zone
        if not rates:
            return MailboxDay(grid, now=self.now)
        is_hourly = any(rate.kind is RateKind.HOURLY for rate in rates)
        return MailboxDay(
            grid,
            now=self.now,
            closed=partial(Timetable._closed, self._me, send_day),
            hour_of=partial(clock_hour, zone=zone) if is_hourly else None,
        )

    def _closed(self, send_day: date) -> Collection[int]:
        return self.throttle.closed(send_day, self.days)

    @property
    def gap(self) -> timedelta:
        """The least distance between two emails of the mailbox."""
        return self.layout.gap

    @property
    def spacing(self) -> RatedSpacing:
        """The instants that are held, and the gap and rates to be kept beside them."""
        if self._spacing is None:
            instants = (moment for _, moment in self.holders())
            self._spacing = RatedSpacing(self.mailbox, self.gap, instants, now=self.now)
        return self._spacing

    def window_of(self, other: Taken) -> tuple[Calendar, date] | None:
        """The window in which *other* may shift, if it may: not when it is due."""
        return other.window if other.send_at > self.now else None

    def expect(self, others: TakenDay) -> None:
        """Note *others*; only if their day has room they are looked at one by one."""
        first, last = others.instants[0], others.instants[-1]
        send_day = self.layout.local_day(first)
        if self.layout.local_day(last) != send_day:
            # Some left on another day than they were planned for.
            for other in others.emails():
                self.hold(other.email_id, other.send_at, window=self.window_of(other))
            return
        self.day(send_day).expect(
            len(others.instants), partial(Timetable._arrivals, self._me, send_day, others)
        )
        apart = self.layout.apart(send_day)
        if first < apart.start or apart.end < last:
            for moment in others.instants:
                for neighbour in self._neighbours(send_day, moment):
                    neighbour.avoid(moment)

    def _arrivals(self, send_day: date, others: TakenDay) -> Iterator[tuple[EmailId, datetime, Ranges]]:
        for other in others.emails():
            window = self.window_of(other)
            ranges = () if window is None else self._ranges(*window, send_day, None)
            yield other.email_id, other.send_at, ranges

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
        send_day = self.layout.local_day(moment)
        day = self.day(send_day)
        ranges: Ranges = ()
        if window is not None:
            ranges = self._ranges(*window, send_day, not_before)
        day.hold(holder, moment, ranges)
        self.has_bookings = self.has_bookings or isinstance(holder, Booking)
        self.domains.add(holder, send_day, recipient_domain)
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
        self.domains.remove(holder, send_day)
        if self._spacing is not None:
            self._spacing.remove(moment)
        for agenda in self._agendas.values():
            agenda.reopen(*self.layout.window_days(agenda.calendar, send_day))

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
        for send_day in self.layout.cut(calendar, window_day):
            if ranges := self._ranges(calendar, window_day, send_day, not_before):
                yield Opening(window_day, send_day, self.day(send_day), ranges)

    def _openings_ahead(self, calendar: Calendar, window_day: date) -> tuple[Opening, ...]:
        return tuple(self.openings(calendar, window_day, None))

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
            openings_on=partial(Timetable._openings_ahead, self._me, calendar),
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
            spans = self.layout.cut(calendar, window_day).get(send_day, ())
            return self.day(send_day).ranges_in(spans, not_before)
        key = (calendar, window_day, send_day)
        ranges = self._ahead.get(key)
        if ranges is None:
            spans = self.layout.cut(calendar, window_day).get(send_day, ())
            ranges = self._ahead[key] = self.day(send_day).ranges_in(spans)
        return ranges

    def _neighbours(self, send_day: date, moment: datetime) -> Sequence[MailboxDay]:
        """The days around *send_day* that an email at *moment* is closer to than the gap."""
        apart = self.layout.apart(send_day)
        if apart.start <= moment <= apart.end:
            return ()
        near = days_between(
            self.layout.local_day(moment - self.gap), self.layout.local_day(moment + self.gap)
        )
        return [self.day(day) for day in near if day != send_day]
