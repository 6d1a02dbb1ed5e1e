"""Asking for scheduled emails: the timetable, what was sent, and what is in doubt."""

from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.email_lists import emails_asked_for, sequence_of_step
from api.fields import resolves
from api.inputs.email_filter import Filter, OrderBy
from api.types.scheduled_email import ScheduledEmail
from api.wanted import wanted
from persistence.reading.scheduled_emails import ORDERS, EmailOrder

Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the email.")]


@strawberry.type
class ScheduledEmailQueries:
    @resolves("One scheduled email.")
    async def scheduled_email(self, info: Info, id: Id) -> ScheduledEmail | None:  # noqa: A002
        return ScheduledEmail.of(await wanted(info.context.loaders.scheduled_emails, "ScheduledEmail", id))

    @resolves(
        "Scheduled emails, by the time for which they are planned, those without one after all others; or"
        " those that were sent, by when that was."
    )
    async def scheduled_emails(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order_by: OrderBy = EmailOrder.SEND_AT,
        order: InDirection = Direction.ASC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[ScheduledEmail]:
        sequence_id = await sequence_of_step(info, filter)
        rows = emails_asked_for(info, filter, order_by, sequence_id=sequence_id)
        paging = Paging(first, after, last, before, order)
        return await connection(info, ScheduledEmail, rows, ORDERS[order_by], paging)
