"""Journeys: enrollments on their way through a plan that is being made."""

from dataclasses import dataclass
from datetime import date, datetime

from domain.enrollments import Enrollment
from domain.ids import MailboxId
from domain.itineraries import Itinerary, Leg, MoveCause, PlannedEmail, Slot, UnplacedReason
from domain.send_window import Calendar
from domain.waits import WaitUnit

# An email that lost its slot for one of these is not wanted earlier than it was promised.
_NOT_EARLIER = frozenset(
    {
        MoveCause.MAILBOX_HANDED_OVER,
        MoveCause.CAPACITY_LOWERED,
        MoveCause.SPACING,
        MoveCause.CONTACT_MIN_GAP,
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
        if held is None and self.leg.loses_slot is not None and slot is not None:
            return PlannedEmail(self.leg, slot, self.reason, self.leg.loses_slot)
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
    # Whether any of its waits is in minutes, and whether any step may leave on the day of the one before it.
    counts_minutes: bool
    shares_days: bool
    # It gave its place to a newcomer, and is placed again after everyone else.
    is_displaced: bool = False

    @classmethod
    def of(cls, enrollment: Enrollment) -> "Journey":
        counts_minutes = shares_days = False
        bookings: list[Booking] = []
        for leg in enrollment.legs:
            if leg.wait.unit is WaitUnit.MINUTES:
                counts_minutes = True
            if bookings and leg.wait.may_end_at_once:
                shares_days = True
            bookings.append(Booking(leg))
        return cls(enrollment, tuple(bookings), enrollment.mailbox_id, counts_minutes, shares_days)

    @property
    def calendar(self) -> Calendar:
        return self.enrollment.sequence.calendar

    def shares_day(self, number: int) -> bool:
        """Whether leg *number*, from 0, may leave on the same day as the one before or after it."""
        if not self.shares_days:
            return False
        legs = self.enrollment.legs
        if number > 0 and legs[number].wait.may_end_at_once:
            return True
        return number + 1 < len(legs) and legs[number + 1].wait.may_end_at_once

    def fixes(self, number: int) -> bool:
        """
        Whether leg *number*, from 0, needs its instant at once, rather than when all have asked.

        So it is where a wait in minutes is among those of the steps that may leave on one day with it.
        """
        if not self.counts_minutes:
            return False
        legs = self.enrollment.legs
        first, end = number, number + 1
        while first > 0 and legs[first].wait.may_end_at_once:
            first -= 1
        while end < len(legs) and legs[end].wait.may_end_at_once:
            end += 1
        return any(leg.wait.minutes is not None for leg in legs[first:end])

    @property
    def earliest_instant(self) -> datetime | None:
        """The instant before which the first of the remaining steps must not leave."""
        return self.enrollment.earliest_instant(self.bookings[0].leg)

    @property
    def has_limited_start(self) -> bool:
        """Whether it has not started, in a sequence that only so many may start on a day."""
        enrollment = self.enrollment
        return enrollment.sequence.max_new_contacts_per_day is not None and enrollment.last_window_day is None

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
        is_displaced = self.is_displaced and any(
            email.moved_because is MoveCause.FAIR_SHARE for email in emails
        )
        return Itinerary(self.enrollment.id, self.mailbox_id, emails, is_displaced)
