"""Itineraries: the scheduled emails of all remaining steps of one enrollment."""

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from domain.ids import EmailId, EnrollmentId, MailboxId, StepId
from domain.waits import Wait


class UnplacedReason(StrEnum):
    """Why an email has no slot; each names what would have to change."""

    NO_MAILBOX = "NO_MAILBOX"
    MAILBOX_UNAVAILABLE = "MAILBOX_UNAVAILABLE"
    WINDOW_NEVER_OPENS = "WINDOW_NEVER_OPENS"
    NO_CAPACITY = "NO_CAPACITY"
    AFTER_LAST_DATE = "AFTER_LAST_DATE"
    CONTACT_MIN_GAP = "CONTACT_MIN_GAP"
    # An earlier step of the same enrollment has no slot either.
    WAITS_FOR_STEP = "WAITS_FOR_STEP"


class MoveCause(StrEnum):
    """Why an email that had a time was given another."""

    WAIT_CHANGED = "WAIT_CHANGED"
    WINDOW_CHANGED = "WINDOW_CHANGED"
    CAPACITY_LOWERED = "CAPACITY_LOWERED"
    MAILBOX_HANDED_OVER = "MAILBOX_HANDED_OVER"
    MAILBOX_UNAVAILABLE = "MAILBOX_UNAVAILABLE"
    NARROWER_WINDOW = "NARROWER_WINDOW"
    SPACING = "SPACING"
    CONTACT_MIN_GAP = "CONTACT_MIN_GAP"
    LATE = "LATE"
    RELEASED = "RELEASED"
    EARLIER = "EARLIER"
    FAIR_SHARE = "FAIR_SHARE"
    TRANSFER_UNDONE = "TRANSFER_UNDONE"
    SET_BY_HAND = "SET_BY_HAND"


class Slot(NamedTuple):
    """A place in a mailbox's timetable; *send_at* in UTC, the days local dates of window and mailbox."""

    mailbox_id: MailboxId
    send_at: datetime
    window_day: date
    send_day: date


class Leg(NamedTuple):
    """One remaining step of an enrollment: its email and the slot that it holds, if it has them."""

    step_id: StepId
    position: int
    wait: Wait
    email_id: EmailId | None = None
    held: Slot | None = None
    # Set when the held slot must not be kept, whatever the rules say of it.
    loses_slot: MoveCause | None = None
    # When it was to leave from the enrollment's mailbox, before it was handed over to the one it is in now;
    # or when someone wants it to.
    former_at: datetime | None = None
    # Someone chose its time: only a rule that breaks moves it.
    is_set_by_hand: bool = False


class PlannedEmail(NamedTuple):
    """What planning says of one leg: a slot or a reason why there is none, and why it moved if it did."""

    leg: Leg
    slot: Slot | None
    unplaced_reason: UnplacedReason | None = None
    moved_because: MoveCause | None = None

    @property
    def is_unchanged(self) -> bool:
        return self.leg.email_id is not None and self.slot is not None and self.slot == self.leg.held


class Itinerary(NamedTuple):
    enrollment_id: EnrollmentId
    mailbox_id: MailboxId | None
    emails: tuple[PlannedEmail, ...]
    # Whether it gave its place to a newcomer of another sequence.
    is_displaced: bool = False
