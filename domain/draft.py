"""A plan in the making: the timetables, who kept a slot, who got one, and who lost one and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from domain.enrollments import Enrollment
from domain.ids import EnrollmentId, MailboxId, StepId
from domain.itineraries import Leg, MoveCause, Slot
from domain.mailboxes import Mailbox
from domain.plan import Shift, Taken
from domain.send_window import Calendar
from domain.timetable import Timetable

Place = tuple[EnrollmentId, StepId]


def place_of(enrollment: Enrollment, leg: Leg) -> Place:
    return enrollment.id, leg.step_id


class Draft:
    def __init__(
        self,
        enrollments: Sequence[Enrollment],
        mailboxes: Iterable[Mailbox],
        *,
        now: datetime,
        taken: Iterable[Taken],
        calendars: Mapping[MailboxId, Sequence[Calendar]],
    ) -> None:
        self.now = now
        self.kept: dict[Place, Slot] = {}
        self.placed: dict[Place, Slot] = {}
        self.lost: dict[Place, MoveCause] = {}
        served: dict[MailboxId, dict[Calendar, None]] = {
            mailbox_id: dict.fromkeys(theirs) for mailbox_id, theirs in calendars.items()
        }
        for sequence in dict.fromkeys(enrollment.sequence for enrollment in enrollments):
            for mailbox_id in sequence.mailbox_ids:
                served.setdefault(mailbox_id, {})[sequence.calendar] = None
        self.timetables = {box.id: Timetable(box, served.get(box.id, ()), now) for box in mailboxes}
        for other in taken:
            if other.mailbox_id in self.timetables:
                self.timetables[other.mailbox_id].hold(other.email_id, other.send_at, calendar=other.calendar)

    def available(self, mailbox_id: MailboxId | None) -> Timetable | None:
        """The timetable of *mailbox_id* if that mailbox may be given emails."""
        timetable = None if mailbox_id is None else self.timetables.get(mailbox_id)
        return timetable if timetable is not None and timetable.mailbox.is_available else None

    def keep(self, place: Place, slot: Slot, calendar: Calendar) -> None:
        """Hold *slot* for *place*; what is due already can no longer shift."""
        self.kept[place] = slot
        may_shift = slot.send_at > self.now
        self.timetables[slot.mailbox_id].hold(place, slot.send_at, calendar=calendar if may_shift else None)

    def drop(self, place: Place, cause: MoveCause) -> None:
        """Give back the slot that *place* kept."""
        slot = self.kept.pop(place)
        self.timetables[slot.mailbox_id].release(place, slot.send_day)
        self.lost.setdefault(place, cause)

    def reserve(
        self, place: Place, timetable: Timetable, calendar: Calendar, first: date, not_before: datetime | None
    ) -> Slot | None:
        slot = timetable.reserve(place, calendar, first, not_before)
        if slot is not None:
            self.placed[place] = slot
        return slot

    def assign(self) -> tuple[Shift, ...]:
        """Give everyone who reserved a day their instant in it; the emails of others that shift for them."""
        shifts: list[Shift] = []
        for mailbox_id, timetable in self.timetables.items():
            for holder, send_at in timetable.assigned():
                if not isinstance(holder, tuple):
                    shifts.append(Shift(holder, mailbox_id, send_at))
                elif holder in self.placed:
                    self.placed[holder] = replace(self.placed[holder], send_at=send_at)
                else:
                    self.placed[holder] = replace(self.kept.pop(holder), send_at=send_at)
                    self.lost[holder] = MoveCause.NARROWER_WINDOW
        return tuple(shifts)
