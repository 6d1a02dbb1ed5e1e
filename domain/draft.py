"""A plan in the making: the journeys through it, and the timetables that they share."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from domain.agenda import Opening, Seat
from domain.contact_gap import ContactDays, ContactGap
from domain.enrollments import Enrollment
from domain.ids import MailboxId
from domain.itineraries import MoveCause, Slot
from domain.jitter import Jitter
from domain.journeys import Booking, Journey
from domain.layouts import Layouts
from domain.mailboxes import Mailbox
from domain.pacing import PacedOpening, Track
from domain.plan import Shift, Taken, TakenDay
from domain.send_window import Calendar
from domain.sequences import Sequence as EmailSequence
from domain.spacing import Spacing
from domain.starts import StartDay, Starts
from domain.timetable import Timetable

_A_DAY = timedelta(days=1)


class Draft:
    """
    What is being planned: *journeys*, in the order in which they are placed.

    *linked_ids* are the mailboxes of each sequence. *released* names the mailbox of every slot that was given
    back, in order: there may be more room than somebody saw before. *paces* are the instants of sequences
    that keep a pace, over all their mailboxes. *contact_days* is None where contacts need no gap.
    """

    def __init__(
        self,
        enrollments: Iterable[Enrollment],
        mailboxes: Iterable[Mailbox],
        *,
        now: datetime,
        taken: Iterable[Taken | TakenDay],
        calendars: Mapping[MailboxId, Sequence[Calendar]],
        starts: Mapping[StartDay, int],
        layouts: Layouts,
        contact_gap: ContactGap | None = None,
    ) -> None:
        self.now = now
        self.starts = Starts(starts)
        self.contact_days = None if contact_gap is None else ContactDays(contact_gap)
        self.journeys = [Journey.of(each) for each in sorted(enrollments, key=lambda each: each.turn)]
        self.released: list[MailboxId] = []
        self._yesterdays: dict[Calendar, date] = {}
        served: dict[MailboxId, dict[Calendar, None]] = {
            mailbox_id: dict.fromkeys(theirs) for mailbox_id, theirs in calendars.items()
        }
        self.linked_ids = {
            sequence: frozenset(sequence.mailbox_ids)
            for sequence in dict.fromkeys(journey.enrollment.sequence for journey in self.journeys)
        }
        for sequence, linked in self.linked_ids.items():
            for mailbox_id in linked:
                served.setdefault(mailbox_id, {})[sequence.calendar] = None
        self.paces = {
            sequence.id: Spacing(sequence.pace) for sequence in self.linked_ids if sequence.pace is not None
        }
        self._pace_of = {
            booking: self.paces[journey.enrollment.sequence.id]
            for journey in self.journeys
            if journey.enrollment.sequence.pace is not None
            for booking in journey.bookings
        }
        self._tracks: dict[tuple[MailboxId, EmailSequence, str | None, date | None], Track] = {}
        in_order = sorted(mailboxes, key=lambda each: each.id.int)
        self.timetables: dict[MailboxId, Timetable] = {}
        for box in in_order:
            self.timetables[box.id] = Timetable(box, served.get(box.id, ()), now, layouts=layouts)
        # By the number of the id, which is asked for everyone: a UUID hashes itself in Python.
        self._available = {
            mailbox_id.int: timetable
            for mailbox_id, timetable in self.timetables.items()
            if timetable.mailbox.is_available
        }
        singly: list[Taken] = []
        for others in taken:
            if isinstance(others, Taken):
                singly.append(others)
            elif others.recipient_domain is not None or others.paced_by is not None:
                singly += others.emails()
            elif (timetable := self.timetables.get(others.mailbox_id)) is not None:
                timetable.expect(others)
        for other in sorted(singly, key=lambda each: (each.send_at, each.email_id.int)):
            self._hold(other)

    def available(self, mailbox_id: MailboxId | None) -> Timetable | None:
        """The timetable of *mailbox_id* if that mailbox may be given emails."""
        return None if mailbox_id is None else self._available.get(mailbox_id.int)

    def linked(self, journey: Journey) -> Timetable | None:
        """The timetable of the mailbox that serves *journey*, if its sequence still may use that one."""
        is_linked = journey.mailbox_id in self.linked_ids[journey.enrollment.sequence]
        return self.available(journey.mailbox_id) if is_linked else None

    def earliest_window(self, calendar: Calendar) -> date:
        """The first day whose window may still be open: one that opened yesterday closes after midnight."""
        if calendar not in self._yesterdays:
            self._yesterdays[calendar] = self.now.astimezone(calendar.zone).date() - _A_DAY
        return self._yesterdays[calendar]

    def earliest(
        self,
        journey: Journey,
        booking: Booking,
        timetable: Timetable,
        first: date,
        not_before: datetime | None,
        *,
        is_fixed: bool = False,
    ) -> Opening | Seat | PacedOpening | None:
        """
        Where *booking* may leave from *first* on, everything kept that limits who starts when.

        One that *is_fixed* needs its instant at once.
        """
        if journey.enrollment.sequence.pace is not None:
            return self.paced_opening(timetable, journey, first, not_before)
        calendar, domain = journey.calendar, journey.enrollment.recipient_domain
        is_start = journey.has_limited_start and booking is journey.bookings[0]
        is_limited = is_start or self.contact_days is not None
        while True:
            if is_limited:
                first = self.next_day(journey, booking, first)
            found: Opening | Seat | None
            if is_fixed:
                is_urgent = journey.is_urgent
                found = timetable.first_seat(calendar, first, not_before, domain, is_urgent=is_urgent)
            else:
                found = timetable.first_opening(calendar, first, not_before, domain)
            if found is None or not is_limited:
                return found
            if self.next_day(journey, booking, found.window_day) == found.window_day:
                return found
            first = found.window_day

    def next_day(self, journey: Journey, booking: Booking, first: date) -> date:
        """The first day from *first* on that is not full of starts, and leaves the contact its gap."""
        while True:
            day = self.starts.next_day(journey, first) if booking is journey.bookings[0] else first
            if self.contact_days is not None:
                day = self.contact_days.next_day(journey, day)
            if day == first:
                return day
            first = day

    def leaves_apart(self, journey: Journey, day: date) -> bool:
        """Whether *day* leaves the contact of *journey* the gap to what other enrollments send."""
        return self.contact_days is None or self.contact_days.next_day(journey, day) == day

    def paced_opening(
        self, timetable: Timetable, journey: Journey, first: date, not_before: datetime | None
    ) -> PacedOpening | None:
        """As :meth:`earliest`, for an email of a sequence that keeps a pace."""
        sequence = journey.enrollment.sequence
        is_capped = timetable.mailbox.recipient_domain_daily_cap is not None
        domain = journey.enrollment.recipient_domain if is_capped else None
        while True:
            day = first if self.contact_days is None else self.contact_days.next_day(journey, first)
            # Who is put off asks beside the others, or each of these would begin its search anew.
            key = (timetable.mailbox.id, sequence, domain, None if day == first else day)
            if key not in self._tracks:
                pace = self.paces[sequence.id]
                self._tracks[key] = Track(timetable, sequence.calendar, pace, recipient_domain=domain)
            found = self._tracks[key].first_opening(day, not_before)
            if found is None or self.leaves_apart(journey, found.window_day):
                return found
            first = found.window_day

    def reserve(self, journey: Journey, booking: Booking, opening: Opening, timetable: Timetable) -> None:
        """Ask for a slot of *opening*, which *booking* gets when everyone has asked."""
        opening.take(booking, is_urgent=journey.is_urgent)
        timetable.domains.add(booking, opening.send_day, journey.enrollment.recipient_domain)
        self._note_day(journey, booking)

    def keep(
        self, journey: Journey, booking: Booking, slot: Slot, not_before: datetime | None, *, may_shift: bool
    ) -> None:
        """Hold *slot* for *booking*, which *may_shift* in its window."""
        window = (journey.calendar, slot.window_day) if may_shift else None
        send_day = self.timetables[slot.mailbox_id].hold(
            booking,
            slot.send_at,
            window=window,
            not_before=not_before,
            recipient_domain=journey.enrollment.recipient_domain,
        )
        if send_day != slot.send_day:
            slot = Slot(slot.mailbox_id, slot.send_at, slot.window_day, send_day)
        booking.slot, booking.is_kept = slot, True
        booking.window_day, booking.send_day = slot.window_day, send_day
        self._note_day(journey, booking)
        if (pace := self._pace_of.get(booking)) is not None:
            pace.add(slot.send_at)

    def fix(self, journey: Journey, booking: Booking, seat: Seat, timetable: Timetable) -> None:
        """Give *booking* the instant of *seat* at once; it does not shift, for others count from it."""
        domain = journey.enrollment.recipient_domain
        send_day = timetable.hold(booking, seat.send_at, recipient_domain=domain)
        booking.slot = Slot(timetable.mailbox.id, seat.send_at, seat.window_day, send_day)
        booking.window_day, booking.send_day = seat.window_day, send_day
        self._note_day(journey, booking)

    def pace(self, journey: Journey, booking: Booking, opening: PacedOpening) -> None:
        """Give *booking* the instant of *opening* at once."""
        opening.take(booking, recipient_domain=journey.enrollment.recipient_domain)
        self._note_day(journey, booking)

    def _note_day(self, journey: Journey, booking: Booking) -> None:
        if journey.has_limited_start:
            self.starts.add(journey, booking)
        if self.contact_days is not None:
            self.contact_days.add(journey, booking)

    def drop(self, booking: Booking, cause: MoveCause) -> None:
        """Give back the slot that *booking* kept."""
        if booking.slot is None or booking.send_day is None:
            raise RuntimeError("What holds no slot cannot give one back.")
        self.timetables[booking.slot.mailbox_id].release(booking, booking.send_day)
        self.released.append(booking.slot.mailbox_id)
        self.starts.remove(booking)
        if self.contact_days is not None:
            self.contact_days.remove(booking)
        if (pace := self._pace_of.get(booking)) is not None:
            pace.remove(booking.slot.send_at)
        booking.slot, booking.is_kept = None, False
        booking.window_day = booking.send_day = None
        booking.lost_by = cause

    def assign(self) -> tuple[Shift, ...]:
        """Give everyone who reserved a day their instant in it; the emails of others that shift for them."""
        shifts: list[Shift] = []
        jitters = any(timetable.mailbox.jitter_percent for timetable in self.timetables.values())
        jitter = Jitter(self.journeys if jitters else ())
        for mailbox_id, timetable in self.timetables.items():
            for send_day, holder, send_at in timetable.assigned():
                if not isinstance(holder, Booking):
                    shifts.append(Shift(holder, mailbox_id, send_at))
                    continue
                if holder.is_kept:
                    holder.lost_by = MoveCause.NARROWER_WINDOW
                if timetable.mailbox.jitter_percent:
                    send_at = jitter.moved(holder, timetable, send_day=send_day, slot=send_at)
                if holder.window_day is not None:
                    holder.slot = Slot(mailbox_id, send_at, holder.window_day, send_day)
        return tuple(shifts)

    def _hold(self, other: Taken) -> None:
        if other.paced_by in self.paces:
            self.paces[other.paced_by].add(other.send_at)
        if (timetable := self.timetables.get(other.mailbox_id)) is not None:
            timetable.hold(
                other.email_id,
                other.send_at,
                window=timetable.window_of(other),
                recipient_domain=other.recipient_domain,
            )
