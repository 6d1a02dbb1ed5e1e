"""Enrollments by what they have in common."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.ids import optional_uuid_of, optional_uuids_of
from domain.ids import WorkspaceId
from domain.lifecycle import EnrollmentStatus
from persistence.reading.enrollments import enrollments_where
from persistence.reading.pages import AnySelect


@strawberry.input(description="Which enrollments; every condition that is given must hold.")
class EnrollmentFilter:
    status: list[EnrollmentStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    sequence_id: strawberry.ID | None = strawberry.field(default=None, description="Of this sequence.")
    sequence_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of one of these sequences."
    )
    contact_id: strawberry.ID | None = strawberry.field(default=None, description="Of this contact.")
    mailbox_id: strawberry.ID | None = strawberry.field(default=None, description="Served by this mailbox.")
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")

    def rows(self, workspace_id: WorkspaceId) -> AnySelect:
        """The enrollments that it is about."""
        return enrollments_where(
            workspace_id,
            statuses=self.status,
            sequence_id=optional_uuid_of("Sequence", self.sequence_id),
            sequence_ids=optional_uuids_of("Sequence", self.sequence_ids),
            contact_id=optional_uuid_of("Contact", self.contact_id),
            mailbox_id=optional_uuid_of("Mailbox", self.mailbox_id),
            updated_since=self.updated_since,
        )


Filter = Annotated[EnrollmentFilter | None, strawberry.argument(description="Which ones; all by default.")]
