"""Interventions of somebody in one email: taken out of the plan, or tried anew."""

from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId, EnrollmentId, WorkspaceId
from domain.lifecycle import (
    EMAIL,
    ContactStatus,
    EmailEvent,
    EmailStatus,
    EnrollmentStatus,
    SequenceStatus,
)
from persistence.email_events import Happening, record_events
from persistence.mailbox_loads import DayCount
from persistence.progress import pass_over, step_back
from persistence.refusals import ContactNotWrittenTo, LaterEmailLeft, NotInStatus, Noun
from persistence.settling import AnEmail, count_on_day, hold_email, is_overtaken, reopen
from persistence.tables import contacts, scheduled_emails, sequences, steps, suppressions
from persistence.transitions import transition

_BY_HAND = "BY_HAND"
_CHARGED = (EmailStatus.QUEUED, EmailStatus.SENDING)
_REVIVED = (
    EnrollmentStatus.ACTIVE,
    EnrollmentStatus.PAUSED,
    EnrollmentStatus.COMPLETED,
    EnrollmentStatus.FAILED,
)


async def cancel_email(
    conn: AsyncConnection, workspace_id: WorkspaceId, email_id: EmailId, *, now: datetime
) -> None:
    """
    Take an email out that was not handed over yet: its contact goes on with the next step.

    Raises:
        UnknownObject: The workspace has no such email.
        NotInStatus: It may have left.
    """
    email = await hold_email(conn, workspace_id, email_id)
    cancelled = await conn.execute(
        transition(EMAIL, scheduled_emails, EmailEvent.CANCEL)
        .where(scheduled_emails.c.id == email_id)
        .values(lease_until=None, retry_at=None, is_skipped=True)
    )
    if cancelled.rowcount == 0:
        raise NotInStatus(Noun.EMAIL, email.status)
    await _record(conn, email, EmailEvent.CANCEL, now=now)
    if email.status in _CHARGED:
        await count_on_day(conn, email, DayCount(0, used=-1))
    await pass_over(conn, EnrollmentId(email.enrollment_id), now=now)


async def retry_email(
    conn: AsyncConnection, workspace_id: WorkspaceId, email_id: EmailId, *, now: datetime
) -> None:
    """
    Try an email again: one that waits for its retry at once, one that was given up as soon as there is room.

    An enrollment that ended with it, or after it, goes on.

    Raises:
        UnknownObject: The workspace has no such email.
        NotInStatus: It is neither of them; or its enrollment, sequence or step has ended for good.
        ContactNotWrittenTo: Its contact is written to no more.
        LaterEmailLeft: It would come after one that follows it.
    """
    email = await hold_email(conn, workspace_id, email_id)
    if email.status == EmailStatus.RETRYING:
        # Its message comes in vain later on; the sweep of overdue retries finds it sooner.
        await conn.execute(
            update(scheduled_emails).where(scheduled_emails.c.id == email_id).values(retry_at=now)
        )
        return
    if email.status != EmailStatus.FAILED:
        raise NotInStatus(Noun.EMAIL, email.status)
    await _see_that_it_may_leave(conn, email)
    await reopen(conn, email, may_go_on=_REVIVED)
    await conn.execute(
        transition(EMAIL, scheduled_emails, EmailEvent.REVIVE)
        .where(scheduled_emails.c.id == email_id)
        .values(
            # Its time has passed: the dispatcher leaves it alone until the planner has found another.
            released_because=_BY_HAND,
            retry_count=0,
            crashes=0,
            failure_reason=None,
            quota_day=None,
        )
    )
    await _record(conn, email, EmailEvent.REVIVE, now=now)
    await step_back(conn, EnrollmentId(email.enrollment_id))


async def _see_that_it_may_leave(conn: AsyncConnection, email: AnEmail) -> None:
    if await is_overtaken(conn, email):
        raise LaterEmailLeft
    if await conn.scalar(select(steps.c.removed_at.is_not(None)).where(steps.c.id == email.step_id)):
        raise NotInStatus(Noun.STEP, "REMOVED")
    status = await conn.scalar(select(sequences.c.status).where(sequences.c.id == email.sequence_id))
    if status == SequenceStatus.ARCHIVED:
        raise NotInStatus(Noun.SEQUENCE, str(status))
    is_suppressed = exists().where(
        suppressions.c.workspace_id == contacts.c.workspace_id,
        suppressions.c.address == contacts.c.normalised_email,
    )
    is_reachable = (contacts.c.status == str(ContactStatus.ACTIVE)) & ~is_suppressed
    if not await conn.scalar(select(is_reachable).where(contacts.c.id == email.contact_id)):
        raise ContactNotWrittenTo


async def _record(conn: AsyncConnection, email: AnEmail, event: EmailEvent, *, now: datetime) -> None:
    await record_events(conn, [Happening.of_row(email, event, cause=_BY_HAND)], at=now)
