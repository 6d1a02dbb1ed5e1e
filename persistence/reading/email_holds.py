"""Reading what may hold emails: the states of their mailboxes, sequences, enrollments and workspace."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect
from persistence.reading.relations import Relation
from persistence.tables import enrollments, mailboxes, scheduled_emails, sequences, workspaces

_emails = scheduled_emails.c
# By names of their own, as the list may show the mailbox as well.
_workspace, _mailbox, _sequence, _enrollment = (
    table.alias(f"holding_{table.name}") for table in (workspaces, mailboxes, sequences, enrollments)
)
_COLUMNS = (
    _emails.id,
    _mailbox.c.status.label("mailbox_status"),
    _sequence.c.status.label("sequence_status"),
    _enrollment.c.status.label("enrollment_status"),
    _workspace.c.sending_paused_at,
)


def _joined(emails: AnySelect) -> AnySelect:
    # Each row is there, but of a mailbox: outer joins are left out where the list is only counted.
    return (
        emails.outerjoin(_workspace, _workspace.c.id == _emails.workspace_id)
        .outerjoin(_sequence, _sequence.c.id == _emails.sequence_id)
        .outerjoin(_enrollment, _enrollment.c.id == _emails.enrollment_id)
        .outerjoin(_mailbox, _mailbox.c.id == _emails.mailbox_id)
    )


# Its `id` is that of the email.
HOLDING = Relation(_COLUMNS, _joined)


async def holding(conn: AsyncConnection, workspace_id: UUID, email_ids: Collection[UUID]) -> Sequence[AnyRow]:
    asked = select(*_COLUMNS).select_from(scheduled_emails)
    found = _joined(asked).where(_emails.workspace_id == workspace_id, among(_emails.id, email_ids))
    return (await conn.execute(found)).all()
