"""Watching emails leave."""

from collections.abc import AsyncGenerator, Sequence

import strawberry

from api.context import Info
from api.fields import subscribes
from api.live.states import states
from api.subscriptions.emails import SequenceId
from api.types.emails_under_way import MOST_TOLD, EmailsUnderWay
from api.wanted import wanted_sequence
from persistence.reading.pages import AnyRow
from persistence.reading.scheduled_emails import emails_under_way


@strawberry.type
class EmailsUnderWaySubscriptions:
    @subscribes(
        "Which emails are on their way out: at once, and whenever a look has found others or another state, "
        "once a second. One that was through between two looks is told by `emailStatusChanged` alone."
    )
    async def emails_under_way(
        self, info: Info, sequence_id: SequenceId = None
    ) -> AsyncGenerator[EmailsUnderWay, None]:
        context, live = info.context, info.context.services.live
        database, workspace_id = context.services.database, context.workspace_id
        wanted = await wanted_sequence(context.loaders, sequence_id)

        async def read() -> Sequence[AnyRow]:
            async with database.transaction(workspace_id) as conn:
                return await emails_under_way(conn, workspace_id, wanted, most=MOST_TOLD)

        def source() -> AsyncGenerator[Sequence[AnyRow]]:
            # Nothing is announced when an email is taken up, nor written: it is seen in its row.
            every = live.timing.under_way_every
            return states(live.changes, workspace_id, read, at_most_every=every, at_least_every=every)

        async with live.broadcasts.join(("underWay", workspace_id, wanted), source) as told:
            async for rows in told:
                context.renew()
                yield EmailsUnderWay.of(rows)
