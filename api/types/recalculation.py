"""Recalculations of the plan."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry
from typing_extensions import override

from api.context import Info
from api.fields import resolves
from api.types.mailbox import Mailbox
from api.types.node import Node, present
from api.types.sequence import Sequence
from domain.recalculations import RecalculationCause, RecalculationStatus
from persistence.reading.pages import AnyRow


@strawberry.type(description="Replanning of emails that have not left, set off by a change.")
class Recalculation(Node):
    cause: RecalculationCause = strawberry.field(description="What set it off.")
    status: RecalculationStatus = strawberry.field(description="How far it is.")
    requested_by: str = strawberry.field(
        description="Who made the change: `user:` or `api_key:` and a number that stays the same for ever, "
        "or the part of Drumbeat that did."
    )
    requested_by_name: str | None = strawberry.field(
        description="What the person or the API key was called then; null if Drumbeat did it by itself."
    )
    total: int = strawberry.field(description="Emails to look at.")
    done: int = strawberry.field(description="Emails looked at.")
    moved: int = strawberry.field(description="Emails that were given another time or mailbox.")
    unchanged: int = strawberry.field(description="Emails that kept theirs.")
    cancelled: int = strawberry.field(description="Emails taken out of the plan.")
    infeasible: int = strawberry.field(description="Emails that have no time now; each says why.")
    median_delay_seconds: int | None = strawberry.field(
        description="How much later the moved emails leave, in the middle; negative is earlier."
    )
    max_delay_seconds: int | None = strawberry.field(
        description="How much later the moved email leaves that was delayed most."
    )
    error: str | None = strawberry.field(description="What ended it, when it failed.")
    requested_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When it began.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    sequence_id: strawberry.Private[UUID | None]
    mailbox_id: strawberry.Private[UUID | None]
    part_of_id: strawberry.Private[UUID | None]

    @override
    @classmethod
    def of(cls, row: AnyRow, **derived: object) -> Self:
        delays = {"median_delay_seconds": row.median_delay_s, "max_delay_seconds": row.max_delay_s}
        return super().of(row, **delays, **derived)

    @resolves(
        "The recalculation that it was carried out together with, as several were waiting; all of them show"
        " the figures of the whole."
    )
    async def part_of(self, info: Info) -> "Recalculation | None":
        if self.part_of_id is None:
            return None
        return Recalculation.of(present(await info.context.loaders.recalculations.load(self.part_of_id)))

    @resolves("The sequence that changed, if one did.")
    async def sequence(self, info: Info) -> Sequence | None:
        if self.sequence_id is None:
            return None
        return Sequence.of(present(await info.context.loaders.sequences.load(self.sequence_id)))

    @resolves("The mailbox that changed, if one did.")
    async def mailbox(self, info: Info) -> Mailbox | None:
        if self.mailbox_id is None:
            return None
        return Mailbox.of(present(await info.context.loaders.mailboxes.load(self.mailbox_id)))
