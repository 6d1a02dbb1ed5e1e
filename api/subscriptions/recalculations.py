"""Watching recalculations."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from api.context import Info
from api.fields import subscribes
from api.ids import uuid_of
from api.live.states import states
from api.types.recalculation import Recalculation
from api.wanted import existing
from domain.recalculations import RecalculationStatus
from persistence.reading.pages import AnyRow
from persistence.reading.recalculations import recalculations_by_id

_ENDED = (RecalculationStatus.COMPLETED, RecalculationStatus.FAILED)

Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the recalculation.")]


@strawberry.type
class RecalculationSubscriptions:
    @subscribes("How far a recalculation is: at once, with every change, and up to its end.")
    async def recalculation_progress(
        self,
        info: Info,
        id: Id,  # noqa: A002
    ) -> AsyncGenerator[Recalculation, None]:
        context, key = info.context, uuid_of("Recalculation", id)
        database, workspace_id, live = context.services.database, context.workspace_id, context.services.live
        await existing(context.loaders.recalculations, "Recalculation", key)

        async def read() -> AnyRow | None:
            async with database.transaction(workspace_id) as conn:
                return next(iter(await recalculations_by_id(conn, workspace_id, [key])), None)

        def source() -> AsyncGenerator[AnyRow | None]:
            return states(live.changes, workspace_id, read)

        async with live.broadcasts.join(("recalculation", workspace_id, key), source) as told:
            async for row in told:
                if row is None:
                    return
                context.renew()
                yield Recalculation.of(row)
                if row.status in _ENDED:
                    return
