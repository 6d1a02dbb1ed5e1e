"""Asking who did what."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.errors import Forbidden
from api.fields import resolves
from api.ids import MalformedId, read_global_id
from api.types.audit_entry import AuditEntry
from domain.access import Scope
from persistence.reading.audit_log import ORDER, entries_where


@strawberry.input(description="Which entries; every condition that is given must hold.")
class AuditLogFilter:
    object_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of what was done to this thing, of whatever kind it is."
    )
    actor: str | None = strawberry.field(default=None, description="Done by this `actor`.")
    action: list[str] | None = strawberry.field(default=None, description="One of these mutations.")
    since: datetime | None = strawberry.field(default=None, description="Then or later.")
    until: datetime | None = strawberry.field(default=None, description="Before then.")


Filter = Annotated[AuditLogFilter | None, strawberry.argument(description="Which ones; all by default.")]


@strawberry.type
class AuditLogQueries:
    @resolves("What was done, by whom, in the order in which it was written down. Needs the scope ADMIN.")
    async def audit_log(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AuditEntry]:
        if Scope.ADMIN not in info.context.caller.scopes:
            raise Forbidden(Scope.ADMIN)
        asked = filter or AuditLogFilter()
        key = None if asked.object_id is None else read_global_id(asked.object_id).key
        if isinstance(key, int):
            raise MalformedId(str(asked.object_id))
        rows = entries_where(
            info.context.workspace_id,
            object_id=key,
            actor=asked.actor,
            actions=asked.action,
            since=asked.since,
            until=asked.until,
        )
        return await connection(info, AuditEntry, rows, ORDER, Paging(first, after, last, before, order))
