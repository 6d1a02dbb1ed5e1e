"""Asking for alerts."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.ids import optional_uuid_of
from api.types.alert import Alert
from api.wanted import wanted
from domain.alerts import AlertKind, AlertSeverity
from persistence.reading.alerts import ORDER, alerts_where


@strawberry.input(description="Which alerts; every condition that is given must hold.")
class AlertFilter:
    kind: list[AlertKind] | None = strawberry.field(default=None, description="About one of these.")
    severity: list[AlertSeverity] | None = strawberry.field(default=None, description="As pressing as these.")
    is_open: bool | None = strawberry.field(default=None, description="Not over yet, or over.")
    mailbox_id: strawberry.ID | None = strawberry.field(default=None, description="About this mailbox.")
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")


Filter = Annotated[AlertFilter | None, strawberry.argument(description="Which ones; all by default.")]
Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the alert.")]


@strawberry.type
class AlertQueries:
    @resolves("One alert.")
    async def alert(self, info: Info, id: Id) -> Alert | None:  # noqa: A002
        return Alert.of(await wanted(info.context.loaders.alerts, "Alert", id))

    @resolves("Alerts, by when they were raised.")
    async def alerts(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Alert]:
        asked = filter or AlertFilter()
        rows = alerts_where(
            info.context.workspace_id,
            kinds=asked.kind,
            severities=asked.severity,
            is_open=asked.is_open,
            mailbox_id=optional_uuid_of("Mailbox", asked.mailbox_id),
            updated_since=asked.updated_since,
        )
        return await connection(info, Alert, rows, ORDER, Paging(first, after, last, before, order))
