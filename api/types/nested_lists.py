"""Fields by which things list what belongs to them, with the filters and orders of the queries."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import Column

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging
from api.context import Info
from api.email_lists import emails_asked_for
from api.inputs import email_filter, enrollment_filter, sequence_filter
from api.nested_connections import nested_connection
from api.types.node import Node
from persistence.reading.enrollments import ORDER as ENROLLMENT_ORDER
from persistence.reading.pages import AnySelect
from persistence.reading.scheduled_emails import ORDERS, EmailOrder
from persistence.reading.sequences import ORDER as SEQUENCE_ORDER
from persistence.tables import sequence_mailboxes, sequences

if TYPE_CHECKING:
    from api.types.enrollment import Enrollment
    from api.types.scheduled_email import ScheduledEmail
    from api.types.sequence import Sequence

# Things lead to each other: a contact to its enrollments, and each of them to its contact.
Emails = Connection[Annotated["ScheduledEmail", strawberry.lazy("api.types.scheduled_email")]]
Enrollments = Connection[Annotated["Enrollment", strawberry.lazy("api.types.enrollment")]]
Sequences = Connection[Annotated["Sequence", strawberry.lazy("api.types.sequence")]]
Owner = strawberry.Parent[Node]


def lists_emails(description: str, *, of: Column[Any]) -> Any:  # Any: as `strawberry.field` is declared
    """A field of the things whose emails have their id in the column *of*."""

    async def listed(
        owner: Owner,
        info: Info,
        filter: email_filter.Filter = None,  # noqa: A002
        order_by: email_filter.OrderBy = EmailOrder.SEND_AT,
        order: InDirection = Direction.ASC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Emails:
        from api.types.scheduled_email import ScheduledEmail

        rows = partial(emails_asked_for, info, filter, order_by)
        paging = Paging(first, after, last, before, order)
        return await nested_connection(
            info, ScheduledEmail, rows, ORDERS[order_by], paging, of=of, owner=owner.uuid
        )

    return strawberry.field(resolver=listed, description=description)


def lists_enrollments(description: str, *, of: Column[Any]) -> Any:
    """A field of the things whose enrollments have their id in the column *of*."""

    async def listed(
        owner: Owner,
        info: Info,
        filter: enrollment_filter.Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Enrollments:
        from api.types.enrollment import Enrollment

        asked = filter or enrollment_filter.EnrollmentFilter()
        rows = partial(asked.rows, info.context.workspace_id)
        paging = Paging(first, after, last, before, order)
        return await nested_connection(
            info, Enrollment, rows, ENROLLMENT_ORDER, paging, of=of, owner=owner.uuid
        )

    return strawberry.field(resolver=listed, description=description)


def lists_sequences(description: str) -> Any:
    """A field of mailboxes, for the sequences that they are linked to."""

    async def listed(
        owner: Owner,
        info: Info,
        filter: sequence_filter.Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Sequences:
        from api.types.sequence import Sequence

        asked = filter or sequence_filter.SequenceFilter()

        def rows() -> AnySelect:
            links = sequence_mailboxes.c.sequence_id == sequences.c.id
            return asked.rows(info.context.workspace_id).join(sequence_mailboxes, links)

        paging = Paging(first, after, last, before, order)
        return await nested_connection(
            info,
            Sequence,
            rows,
            SEQUENCE_ORDER,
            paging,
            of=sequence_mailboxes.c.mailbox_id,
            owner=owner.uuid,
        )

    return strawberry.field(resolver=listed, description=description)
