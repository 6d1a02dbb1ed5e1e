"""The gap of a contact in several enrollments: days between the emails that different ones send."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

from domain.enrollments import Enrollment
from domain.ids import ContactId, EnrollmentId
from domain.journeys import Booking, Journey

# In days; beyond it somebody would rather end an enrollment.
WIDEST_GAP = 90


class ContactDay(NamedTuple):
    """The window day of an email of *enrollment_id*."""

    enrollment_id: EnrollmentId
    window_day: date


def is_apart(day: date, others: Iterable[ContactDay], *, of: EnrollmentId, days: int) -> bool:
    """Whether *day* is at least *days* from all *others* but those of the enrollment *of* itself."""
    gap = timedelta(days=days)
    return all(other.enrollment_id == of or abs(day - other.window_day) >= gap for other in others)


@dataclass(frozen=True, slots=True)
class ContactGap:
    """
    The least *days* between the window days of two emails that one contact gets from different enrollments.

    *contacts* says whose the enrollments of the plan are, as far as their contact has others too; *taken* has
    the days of emails outside of the plan. Urgent sequences neither keep the gap nor is it kept to them.
    """

    days: int
    contacts: Mapping[EnrollmentId, ContactId]
    taken: Mapping[ContactId, Sequence[ContactDay]]

    def contact_of(self, enrollment: Enrollment) -> ContactId | None:
        """Whom *enrollment* keeps the gap for; None if for nobody."""
        return None if enrollment.sequence.priority > 0 else self.contacts.get(enrollment.id)

    def first_apart(self, enrollment: Enrollment, first: date) -> date:
        """The first day from *first* on that is far enough from all that others send to the contact."""
        contact_id = self.contact_of(enrollment)
        if contact_id is None:
            return first
        gap = timedelta(days=self.days)
        for day in sorted(day for of, day in self.taken.get(contact_id, ()) if of != enrollment.id):
            if abs(first - day) < gap:
                first = day + gap
        return first


class ContactDays:
    """The days on which the contacts of *gap* are written to, while a plan is made."""

    def __init__(self, gap: ContactGap) -> None:
        self._days = {contact_id: list(days) for contact_id, days in gap.taken.items()}
        self._gap = replace(gap, taken=self._days)
        self._booked: dict[Booking, tuple[ContactId, ContactDay]] = {}

    def next_day(self, journey: Journey, first: date) -> date:
        """The first day at or after *first* that leaves the contact of *journey* its gap."""
        return self._gap.first_apart(journey.enrollment, first)

    def add(self, journey: Journey, booking: Booking) -> None:
        """Note the day that *booking* has."""
        contact_id = self._gap.contact_of(journey.enrollment)
        if contact_id is not None and booking.window_day is not None:
            day = ContactDay(journey.enrollment.id, booking.window_day)
            self._booked[booking] = contact_id, day
            self._days.setdefault(contact_id, []).append(day)

    def remove(self, booking: Booking) -> None:
        if booking in self._booked:
            contact_id, day = self._booked.pop(booking)
            self._days[contact_id].remove(day)
