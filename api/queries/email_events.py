"""Asking what happened to emails."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.ids import optional_uuid_of
from api.types.email_event import EmailEvent
from domain import lifecycle
from persistence.reading.email_events import ORDER, events_where


@strawberry.input(description="Which events; every condition that is given must hold.")
class EmailEventFilter:
    kind: list[lifecycle.EmailEvent] | None = strawberry.field(
        default=None, description="One of these kinds."
    )
    scheduled_email_id: strawberry.ID | None = strawberry.field(default=None, description="Of this email.")
    enrollment_id: strawberry.ID | None = strawberry.field(default=None, description="Of this enrollment.")
    mailbox_id: strawberry.ID | None = strawberry.field(default=None, description="Of this mailbox.")
    since: datetime | None = strawberry.field(default=None, description="Then or later.")
    until: datetime | None = strawberry.field(default=None, description="Before then.")


Filter = Annotated[EmailEventFilter | None, strawberry.argument(description="Which ones; all by default.")]


@strawberry.type
class EmailEventQueries:
    @resolves("What happened to emails, by when it happened.")
    async def email_events(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[EmailEvent]:
        asked = filter or EmailEventFilter()
        rows = events_where(
            info.context.workspace_id,
            kinds=asked.kind,
            email_id=optional_uuid_of("ScheduledEmail", asked.scheduled_email_id),
            enrollment_id=optional_uuid_of("Enrollment", asked.enrollment_id),
            mailbox_id=optional_uuid_of("Mailbox", asked.mailbox_id),
            since=asked.since,
            until=asked.until,
        )
        return await connection(info, EmailEvent, rows, ORDER, Paging(first, after, last, before, order))
