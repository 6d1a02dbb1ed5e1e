"""What is being planned: enrollments, and their emails as they were read while the dispatcher goes on."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from domain.enrollments import Enrollment
from domain.ids import EnrollmentId


@dataclass(frozen=True)
class BeingPlanned:
    """
    The enrollments *ids*, and those of them that were *read* to be planned.

    Their emails are read before what others take, and one that the dispatcher takes up in between is found
    both times. It counts as was read first: counted twice, it would make a full day over-full, and somebody
    would lose its place there.
    """

    ids: Collection[EnrollmentId]
    read: Collection[Enrollment] = ()

    @cached_property
    def _emails(self) -> frozenset[int]:
        # By their numbers: a UUID hashes itself in Python.
        return frozenset(
            leg.email_id.int for each in self.read for leg in each.legs if leg.email_id is not None
        )

    def has(self, email_id: UUID) -> bool:
        """Whether the email *email_id* was read as one that is still to be planned."""
        return email_id.int in self._emails
