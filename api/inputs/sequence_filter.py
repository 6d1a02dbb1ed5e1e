"""Sequences by what they have in common."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.ids import WorkspaceId
from domain.lifecycle import SequenceStatus
from persistence.reading.pages import AnySelect
from persistence.reading.sequences import sequences_where


@strawberry.input(description="Which sequences; every condition that is given must hold.")
class SequenceFilter:
    status: list[SequenceStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    search: str | None = strawberry.field(
        default=None, description="With this text in the name, in any case."
    )
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")

    def rows(self, workspace_id: WorkspaceId) -> AnySelect:
        """The sequences that it is about."""
        return sequences_where(
            workspace_id, statuses=self.status, search=self.search, updated_since=self.updated_since
        )


Filter = Annotated[
    SequenceFilter | None,
    strawberry.argument(
        description="Which ones; all but those of batches by default, which `batches` lists."
    ),
]
