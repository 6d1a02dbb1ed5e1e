"""The people of a simulation: who is behind which enrollment, and on which days each was written to."""

from datetime import date
from uuid import UUID

from domain.contact_gap import ContactDay, ContactGap
from domain.ids import ContactId, EnrollmentId


class People:
    """*gap_days* are to lie between what different enrollments send to one of them; None is any number."""

    def __init__(self, gap_days: int | None) -> None:
        self._gap_days = gap_days
        self._met = 0
        self._contacts: dict[EnrollmentId, ContactId] = {}
        self._written_to: dict[ContactId, list[ContactDay]] = {}

    def join(self, enrollment_id: EnrollmentId, *, known: int | None) -> None:
        """Somebody is enrolled: the one met as number *known*, from 1, or somebody new."""
        if known is None:
            self._met += 1
        self._contacts[enrollment_id] = ContactId(UUID(int=known or self._met))

    def note_sent(self, enrollment_id: EnrollmentId, window_day: date) -> None:
        if self._gap_days is not None:
            day = ContactDay(enrollment_id, window_day)
            self._written_to.setdefault(self._contacts[enrollment_id], []).append(day)

    def gap(self) -> ContactGap | None:
        """What planning is to know of them."""
        if self._gap_days is None:
            return None
        return ContactGap(self._gap_days, self._contacts, self._written_to)
