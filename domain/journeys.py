"""Journeys: enrollments on their way through a plan that is being made."""

from dataclasses import dataclass
from datetime import date

from domain.enrollments import Enrollment
from domain.ids import MailboxId
from domain.itineraries import Itinerary, Leg, MoveCause, PlannedEmail, Slot, UnplacedReason
from domain.send_window import Calendar

# An email that lost its slot for one of these is not wanted earlier than it was promised.
_NOT_EARLIER = frozenset(
    {
        MoveCause.MAILBOX_HANDED_OVER,
        MoveCause.CAPACITY_LOWERED,
        MoveCause.SPACING,
        MoveCause.FAIR_SHARE,
    }
)


# Compared by identity: it stands for one email in the timetables of mailboxes.
@dataclass(slots=True, eq=False)
class Booking:
    """
    One leg, the slot that it keeps or is given, and why it lost the one that it held.

    *window_day* and *send_day* are those of the day on which it asked for a slot; the instant follows when
    all have asked.
    """

    leg: Leg
    slot: Slot | None = None
    is_kept: bool = False
    window_day: date | None = None
    send_day: date | None = None
    lost_by: MoveCause | None = None
    reason: UnplacedReason | None = None

    def planned(self) -> PlannedEmail:
        held, slot = self.leg.held, self.slot
        if held is None or held is slot:
            return PlannedEmail(self.leg, slot, self.reason)
        stays = slot is not None and slot.send_at == held.send_at and slot.mailbox_id == held.mailbox_id
        return PlannedEmail(self.leg, slot, self.reason, None if stays else self.lost_by)


@dataclass(slots=True, eq=False)
class Journey:
    """An enrollment, a booking for each of its legs, and the mailbox that serves it if that is known."""

    enrollment: Enrollment
    bookings: tuple[Booking, ...]
    mailbox_id: MailboxId | None
    # It gave its place to a newcomer, and is placed again after everyone else.
    is_displaced: bool = False

    @classmethod
    def of(cls, enrollment: Enrollment) -> "Journey":
        return cls(enrollment, tuple(map(Booking, enrollment.legs)), enrollment.mailbox_id)

    @property
    def calendar(self) -> Calendar:
        return self.enrollment.sequence.calendar

    def shares_day(self, number: int) -> bool:
        """Whether leg *number*, from 0, may leave on the same day as the one before or after it."""
        following = (leg.wait_days for leg in self.enrollment.legs[max(number, 1) : number + 2])
        return 0 in following

    @property
    def is_urgent(self) -> bool:
        """Whether it takes the earliest slots of its days rather than evenly spread ones."""
        return self.enrollment.sequence.priority > 0

    def first_day(self, booking: Booking, before: Booking | None) -> date:
        """The first day whose window *booking* may leave in, after the step *before* it."""
        day_before = self.enrollment.last_window_day if before is None else before.window_day
        first = self.enrollment.earliest_day(booking.leg, day_before)
        if booking.leg.held is not None and booking.lost_by in _NOT_EARLIER:
            return max(first, booking.leg.held.window_day)
        return first

    @property
    def is_placed(self) -> bool:
        return all(booking.reason is None for booking in self.bookings)

    def itinerary(self) -> Itinerary:
        emails = tuple([booking.planned() for booking in self.bookings])
        return Itinerary(self.enrollment.id, self.mailbox_id, emails)
