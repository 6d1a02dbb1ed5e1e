"""What planning is told of the emails around it, and what it answers."""

from dataclasses import dataclass
from datetime import datetime

from domain.ids import EmailId, MailboxId
from domain.itineraries import Itinerary
from domain.send_window import Calendar


@dataclass(frozen=True, slots=True)
class Taken:
    """An email outside of the plan that has its instant; with its *calendar* it may shift in its window."""

    email_id: EmailId
    mailbox_id: MailboxId
    send_at: datetime
    calendar: Calendar | None = None
    recipient_domain: str | None = None


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
