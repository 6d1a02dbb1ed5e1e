"""Alerts: what an operator should look at."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.fields import resolves
from api.types.node import Node, present
from api.vocabulary import described
from domain.alerts import AlertKind, AlertSeverity

if TYPE_CHECKING:
    from api.types.mailbox import Mailbox

TheMailbox = Annotated["Mailbox", strawberry.lazy("api.types.mailbox")]

described(
    AlertKind,
    description="What an alert is about.",
    values={
        AlertKind.QUOTA_EARLY: "Most of a mailbox's capacity of the day was spent early in the day.",
        AlertKind.NEEDS_AUTH: "A mailbox's login is refused, or its host not allowed; a person mends it.",
        AlertKind.FAILURE_RATE: "Too many of a mailbox's emails were given up in the last seven days.",
        AlertKind.BOUNCE_RATE: "Too many of a mailbox's emails bounced in the last seven days.",
        AlertKind.COMPLAINT_RATE: "Too many recipients of a mailbox complained in the last seven days.",
        AlertKind.BACKLOG_LATE: "Many emails of the workspace are more than five minutes late.",
    },
)
described(
    AlertSeverity,
    description="How pressing an alert is.",
    values={
        AlertSeverity.WARNING: "Look at it today.",
        AlertSeverity.CRITICAL: "Look at it now; a mailbox whose rate is so high should be paused.",
    },
)


@strawberry.type(
    description="Something that an operator should know. It is raised once, and closed when it is over."
)
class Alert(Node):
    kind: AlertKind = strawberry.field(description="What it is about.")
    severity: AlertSeverity = strawberry.field(
        description="How pressing it is; while it is open this may change."
    )
    figure: float | None = strawberry.field(
        description="What was measured: a share from 0 to 1, or a number of emails. Null where there is none."
    )
    threshold: float | None = strawberry.field(description="The bound that the figure reached.")
    opened_at: datetime = strawberry.field(description="When it was raised.")
    closed_at: datetime | None = strawberry.field(description="When it was over; null while it is open.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    mailbox_id: strawberry.Private[UUID | None]

    @resolves("The mailbox that it is about; null is the workspace as a whole.")
    async def mailbox(self, info: Info) -> TheMailbox | None:
        from api.types.mailbox import Mailbox  # the two kinds lead to each other

        if self.mailbox_id is None:
            return None
        return Mailbox.of(present(await info.context.loaders.mailboxes.load(self.mailbox_id)))
