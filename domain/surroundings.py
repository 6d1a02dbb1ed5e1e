"""What surrounds one email in the timetable of its mailbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

from domain.contact_gap import ContactGap
from domain.enrollments import Enrollment
from domain.itineraries import Leg, Slot
from domain.journeys import Booking
from domain.mailboxes import Mailbox
from domain.plan import Taken
from domain.send_window import Calendar
from domain.starts import StartDay
from domain.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    The *mailbox* of an email, the *calendars* of all sequences that it serves, and its other emails.

    *taken* are those whose instants matter; of days that are full without looking at instants it is enough to
    know in *counted* how many emails they hold. *starts* says how many contacts start on the days of its
    sequence, if that is limited; *contact_gap* on which days other enrollments write to its contact, if they
    have to be apart.
    """

    mailbox: Mailbox
    calendars: tuple[Calendar, ...] = ()
    taken: tuple[Taken, ...] = ()
    counted: Mapping[date, int] | None = None
    starts: Mapping[StartDay, int] = field(default_factory=dict)
    contact_gap: ContactGap | None = None

    def timetable(self, enrollment: Enrollment, leg: Leg, held: Slot, *, now: datetime) -> Timetable:
        """The timetable that *leg* finds, which leaves at *held*; everything before *now* gone by."""
        timetable = Timetable(self.mailbox, (*self.calendars, enrollment.calendar), now)
        # Emails between slots use up slots that nobody is on: neither its own, nor one of those that shifted
        # or came later. Else what was full when it asked would look free.
        itself = Booking(leg)
        send_day = timetable.hold(itself, held.send_at)
        for each in sorted(self.taken, key=partial(_turn, timetable)):
            timetable.hold(
                each.email_id, each.send_at, window=each.window, recipient_domain=each.recipient_domain
            )
        timetable.release(itself, send_day)
        for day, count in (self.counted or {}).items():
            timetable.day(day).fill(count)
        return timetable


def _turn(timetable: Timetable, taken: Taken) -> tuple[bool, datetime, int]:
    grid = timetable.day(timetable.layout.local_day(taken.send_at)).grid
    return not grid.near(taken.send_at), taken.send_at, taken.email_id.int
