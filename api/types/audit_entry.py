"""Entries of the audit log."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON
from typing_extensions import override

from api.fields import resolves
from api.ids import global_id
from api.types.node import Node
from persistence.reading.pages import AnyRow


@strawberry.type(
    description="One mutation that was done: by whom, to what, and what was different before and after."
)
class AuditEntry(Node):
    at: datetime = strawberry.field(description="When it was done.")
    actor: str = strawberry.field(
        description="Who did it: `user:` or `api_key:` and a number that stays the same for ever."
    )
    actor_name: str = strawberry.field(description="What the person or the API key was called then.")
    action: str = strawberry.field(description="The mutation, for example `pauseMailbox`.")
    asked: JSON | None = strawberry.field(
        description="Its input, long lists and texts cut; what is secret is `***`."
    )
    object_kind: str | None = strawberry.field(
        description="The type of the thing that it was done to; null if it was done to many."
    )
    before: JSON | None = strawberry.field(
        description=(
            "What was different before, by column; all of it for what was removed, null for what was made."
        )
    )
    after: JSON | None = strawberry.field(
        description="The same columns afterwards; all of it for what was made, or how many there were."
    )
    object_uuid: strawberry.Private[UUID | None]

    @override
    @classmethod
    def of(cls, row: AnyRow, **derived: object) -> Self:
        return super().of(row, object_uuid=row.object_id, **derived)

    @resolves("The id of the thing that it was done to; `node` finds it while it exists.")
    def object_id(self) -> strawberry.ID | None:
        if self.object_kind is None or self.object_uuid is None:
            return None
        return global_id(self.object_kind, self.object_uuid)
