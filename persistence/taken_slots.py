"""The places in mailboxes' timetables that are taken by emails outside of a plan."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId, EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.lifecycle import EmailStatus
from domain.plan import Taken
from persistence.arrays import among
from persistence.planning_terms import PlanningTerms
from persistence.tables import contacts, scheduled_emails

TAKING = (
    EmailStatus.PENDING,
    EmailStatus.QUEUED,
    EmailStatus.SENDING,
    EmailStatus.COMMITTING,
    EmailStatus.SENT,
    EmailStatus.RETRYING,
    EmailStatus.IN_DOUBT,
)
_columns = scheduled_emails.c
# The instant that an email counts at: planned, tried again, or left.
TAKEN_AT = case(
    (_columns.status == str(EmailStatus.RETRYING), func.coalesce(_columns.retry_at, _columns.send_at)),
    (_columns.status == str(EmailStatus.SENT), _columns.sent_at),
    (_columns.status == str(EmailStatus.PENDING), _columns.send_at),
    else_=func.coalesce(_columns.last_attempt_at, _columns.send_at),
).label("instant")
# What the dispatcher may take up while the plan is made does not shift any more.
_SETTLED_BEFORE = timedelta(minutes=5)


async def taken_slots(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    mailbox_ids: Collection[MailboxId],
    *,
    planned: Collection[EnrollmentId],
    terms: PlanningTerms,
    now: datetime,
) -> list[Taken]:
    """
    The emails of *mailbox_ids* that count on today or a day to come, but for the pending ones of *planned*.

    Today is the mailbox's; a day more is read, and does no harm.
    """
    columns = scheduled_emails.c
    rows = await conn.execute(
        select(
            columns.id,
            columns.mailbox_id,
            columns.enrollment_id,
            columns.status,
            columns.sequence_id,
            TAKEN_AT,
            contacts.c.zone,
        )
        .join(contacts, contacts.c.id == columns.contact_id)
        .where(
            columns.workspace_id == workspace_id,
            among(columns.mailbox_id, mailbox_ids),
            columns.status.in_([str(status) for status in TAKING]),
            columns.send_at.is_not(None),
            columns.send_day >= (now - timedelta(days=2)).date(),
        )
        .order_by(columns.id)
    )
    mine = frozenset(planned)
    taken = []
    for row in rows:
        is_pending = row.status == EmailStatus.PENDING
        if is_pending and row.enrollment_id in mine:
            continue
        its_terms = terms.sequences.get(SequenceId(row.sequence_id))
        calendar, paced_by = None, None
        if its_terms is not None:
            paced_by = its_terms.paced_by
            if is_pending and its_terms.may_shift and row.instant > now + _SETTLED_BEFORE:
                calendar = its_terms.for_zone(row.zone).calendar
        taken.append(Taken(EmailId(row.id), MailboxId(row.mailbox_id), row.instant, calendar, paced_by))
    return taken
