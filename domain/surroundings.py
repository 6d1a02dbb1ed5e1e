"""What surrounds one email in the timetable of its mailbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

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
    sequence, if that is limited.
    """

    mailbox: Mailbox
    calendars: tuple[Calendar, ...] = ()
    taken: tuple[Taken, ...] = ()
    counted: Mapping[date, int] | None = None
    starts: Mapping[StartDay, int] = field(default_factory=dict)

    def timetable(self, calendar: Calendar, now: datetime) -> Timetable:
        """The timetable that an email of *calendar* finds, everything before *now* gone by."""
        timetable = Timetable(self.mailbox, (*self.calendars, calendar), now)
        for each in self.taken:
            window_day = None if each.calendar is None else each.calendar.day_of(each.send_at)
            window = None if each.calendar is None or window_day is None else (each.calendar, window_day)
            timetable.hold(each.email_id, each.send_at, window=window, recipient_domain=each.recipient_domain)
        for send_day, count in (self.counted or {}).items():
            timetable.day(send_day).fill(count)
        return timetable
