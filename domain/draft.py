"""A plan in the making: the journeys through it, and the timetables that they share."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from domain.agenda import Opening
from domain.enrollments import Enrollment
from domain.ids import MailboxId
from domain.itineraries import MoveCause, Slot
from domain.journeys import Booking, Journey
from domain.mailboxes import Mailbox
from domain.pacing import PacedOpening, Track
from domain.plan import Shift, Taken
from domain.send_window import Calendar
from domain.sequences import Sequence as EmailSequence
from domain.spacing import Spacing
from domain.timetable import Timetable

_A_DAY = timedelta(days=1)


class Draft:
    """
    What is being planned: *journeys*, in the order in which they are placed.

    *linked_ids* are the mailboxes of each sequence. *released* names the mailbox of every slot that was given
    back, in order: there may be more room than somebody saw before. *paces* are the instants of sequences
    that keep a pace, over all their mailboxes.
    """

    def __init__(
        self,
        enrollments: Iterable[Enrollment],
        mailboxes: Iterable[Mailbox],
        *,
        now: datetime,
        taken: Iterable[Taken],
        calendars: Mapping[MailboxId, Sequence[Calendar]],
    ) -> None:
        self.now = now
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
        self._tracks: dict[tuple[MailboxId, EmailSequence], Track] = {}
        in_order = sorted(mailboxes, key=lambda each: each.id.int)
        self.timetables = {box.id: Timetable(box, served.get(box.id, ()), now) for box in in_order}
        for other in sorted(taken, key=lambda each: (each.send_at, each.email_id.int)):
            self._hold(other)

    def available(self, mailbox_id: MailboxId | None) -> Timetable | None:
        """The timetable of *mailbox_id* if that mailbox may be given emails."""
        timetable = None if mailbox_id is None else self.timetables.get(mailbox_id)
        return timetable if timetable is not None and timetable.mailbox.is_available else None

    def linked(self, journey: Journey) -> Timetable | None:
        """The timetable of the mailbox that serves *journey*, if its sequence still may use that one."""
        is_linked = journey.mailbox_id in self.linked_ids[journey.enrollment.sequence]
        return self.available(journey.mailbox_id) if is_linked else None

    def earliest_window(self, calendar: Calendar) -> date:
        """The first day whose window may still be open: one that opened yesterday closes after midnight."""
        if calendar not in self._yesterdays:
            self._yesterdays[calendar] = self.now.astimezone(calendar.zone).date() - _A_DAY
        return self._yesterdays[calendar]

    def first_opening(
        self, timetable: Timetable, sequence: EmailSequence, first: date, not_before: datetime | None
    ) -> Opening | PacedOpening | None:
        """Where *timetable* can take an email of *sequence* first, from *first* and *not_before* on."""
        if sequence.pace is None:
            return timetable.first_opening(sequence.calendar, first, not_before)
        return self.paced_opening(timetable, sequence, first, not_before)

    def paced_opening(
        self, timetable: Timetable, sequence: EmailSequence, first: date, not_before: datetime | None
    ) -> PacedOpening | None:
        """As :meth:`first_opening`, for a sequence that keeps a pace."""
        key = (timetable.mailbox.id, sequence)
        if key not in self._tracks:
            self._tracks[key] = Track(timetable, sequence.calendar, self.paces[sequence.id])
        return self._tracks[key].first_opening(first, not_before)

    def keep(
        self, booking: Booking, slot: Slot, calendar: Calendar | None, not_before: datetime | None = None
    ) -> None:
        """Hold *slot* for *booking*; with its *calendar* it may shift in its window, unless it is due."""
        window = None if calendar is None or slot.send_at <= self.now else (calendar, slot.window_day)
        send_day = self.timetables[slot.mailbox_id].hold(
            booking, slot.send_at, window=window, not_before=not_before
        )
        if send_day != slot.send_day:
            slot = Slot(slot.mailbox_id, slot.send_at, slot.window_day, send_day)
        booking.slot, booking.is_kept = slot, True
        booking.window_day, booking.send_day = slot.window_day, send_day
        if (pace := self._pace_of.get(booking)) is not None:
            pace.add(slot.send_at)

    def drop(self, booking: Booking, cause: MoveCause) -> None:
        """Give back the slot that *booking* kept."""
        if booking.slot is None or booking.send_day is None:
            raise RuntimeError("What holds no slot cannot give one back.")
        self.timetables[booking.slot.mailbox_id].release(booking, booking.send_day)
        self.released.append(booking.slot.mailbox_id)
        if (pace := self._pace_of.get(booking)) is not None:
            pace.remove(booking.slot.send_at)
        booking.slot, booking.is_kept = None, False
        booking.window_day = booking.send_day = None
        booking.lost_by = cause

    def assign(self) -> tuple[Shift, ...]:
        """Give everyone who reserved a day their instant in it; the emails of others that shift for them."""
        shifts: list[Shift] = []
        for mailbox_id, timetable in self.timetables.items():
            for send_day, holder, send_at in timetable.assigned():
                if not isinstance(holder, Booking):
                    shifts.append(Shift(holder, mailbox_id, send_at))
                    continue
                if holder.is_kept:
                    holder.lost_by = MoveCause.NARROWER_WINDOW
                if holder.window_day is not None:
                    holder.slot = Slot(mailbox_id, send_at, holder.window_day, send_day)
        return tuple(shifts)

    def _hold(self, other: Taken) -> None:
        if other.paced_by in self.paces:
            self.paces[other.paced_by].add(other.send_at)
        timetable = self.timetables.get(other.mailbox_id)
        if timetable is None:
            return
        window_day = None
        if other.calendar is not None and other.send_at > self.now:
            window_day = other.calendar.day_of(other.send_at)
        window = None if other.calendar is None or window_day is None else (other.calendar, window_day)
        timetable.hold(other.email_id, other.send_at, window=window)
