"""What planning is told of the emails around it, and what it answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from domain.ids import EmailId, MailboxId, SequenceId
from domain.itineraries import Itinerary
from domain.send_window import Calendar


@dataclass(frozen=True, slots=True)
class Taken:
    """
    An email outside of the plan that has its instant; with its *calendar* it may shift in its window.

    With *paced_by*, others of that sequence keep their pace to it.
    """

    email_id: EmailId
    mailbox_id: MailboxId
    send_at: datetime
    calendar: Calendar | None = None
    recipient_domain: str | None = None
    paced_by: SequenceId | None = None

    @property
    def window(self) -> tuple[Calendar, date] | None:
        """The window that it may shift in, by the day on which it opened; None where it has to stay."""
        window_day = None if self.calendar is None else self.calendar.day_of(self.send_at)
        return None if self.calendar is None or window_day is None else (self.calendar, window_day)


@dataclass(frozen=True, slots=True)
class TakenDay:
    """
    Emails as :class:`Taken`, which differ in nothing but their ids and instants, in the order of these.

    They are planned for one day of their mailbox. Fifty thousand are looked at as two thousand of these, and
    one by one only where the day has room.
    """

    mailbox_id: MailboxId
    email_ids: Sequence[EmailId]
    instants: Sequence[datetime]
    calendar: Calendar | None = None
    recipient_domain: str | None = None
    paced_by: SequenceId | None = None

    def emails(self) -> Iterator[Taken]:
        for email_id, send_at in zip(self.email_ids, self.instants, strict=True):
            yield Taken(
                email_id, self.mailbox_id, send_at, self.calendar, self.recipient_domain, self.paced_by
            )


@dataclass(frozen=True, slots=True)
class Shift:
    """An email outside of the plan that makes place for one with a narrower window."""

    email_id: EmailId
    mailbox_id: MailboxId
    send_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    itineraries: tuple[Itinerary, ...]
    shifts: tuple[Shift, ...] = ()
