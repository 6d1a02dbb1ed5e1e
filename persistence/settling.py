"""Settling: what became of an email whose outcome the network hid from us."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, EmailId, EnrollmentId, SequenceId, WorkspaceId
from domain.lifecycle import (
    EMAIL,
    ENROLLMENT,
    SEQUENCE,
    EmailEvent,
    EmailStatus,
    EnrollmentEvent,
    EnrollmentStatus,
    SequenceEvent,
)
from persistence.email_events import Happening, record_events
from persistence.failures import Failed, after_failure
from persistence.locks import lock_row
from persistence.mailbox_loads import DayCount, count_on_days
from persistence.progress import go_on, lock_contacts, lock_enrollments
from persistence.refusals import LaterEmailLeft, NotInStatus, Noun, UnknownObject
from persistence.tables import enrollments, mailbox_days, scheduled_emails, sequences
from persistence.transitions import transition

# Any: a row has the columns that are selected.
AnEmail = Row[*tuple[Any, ...]]

_MAY_GO_ON = (EnrollmentStatus.ACTIVE, EnrollmentStatus.PAUSED, EnrollmentStatus.COMPLETED)
_LATER_LEFT = text("""
SELECT EXISTS (
    SELECT FROM scheduled_emails AS e JOIN scheduled_emails AS mine ON mine.id = :email_id
    WHERE e.enrollment_id = mine.enrollment_id AND e.id <> mine.id
        AND e.status NOT IN ('PENDING', 'QUEUED', 'CANCELLED') AND e.last_attempt_at > mine.last_attempt_at
)
""")


class Settlement(StrEnum):
    """What someone says of an email in doubt."""

    SENT = "SENT"
    FAILED = "FAILED"
    RESEND = "RESEND"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a doubt is settled: *cause* in one word, and what a delivery report said, if there was one."""

    cause: str
    said: str | None = None
    # The address does not exist: nothing is written to this contact any more.
    bounces: bool = False


_BY_HAND = Evidence("BY_HAND")


async def hold_email(conn: AsyncConnection, workspace_id: WorkspaceId, email_id: EmailId) -> AnEmail:
    """
    Lock an email and whom it is about, in the order that everyone keeps; the email as it is now.

    Raises:
        UnknownObject: The workspace has no such email.
    """
    columns = scheduled_emails.c
    here = (columns.workspace_id == workspace_id, columns.id == email_id)
    owners = select(columns.sequence_id, columns.contact_id, columns.enrollment_id).where(*here)
    owner = (await conn.execute(owners)).one_or_none()
    if owner is None:
        raise UnknownObject(Noun.EMAIL, [email_id])
    # A failure may end the sequence, a resend reopen it.
    await lock_row(conn, sequences, Noun.SEQUENCE, workspace_id=workspace_id, row_id=owner.sequence_id)
    await lock_contacts(conn, [ContactId(owner.contact_id)])
    await lock_enrollments(
        conn, [EnrollmentId(owner.enrollment_id)], of_contacts=[ContactId(owner.contact_id)]
    )
    await conn.execute(select(columns.id).where(*here).with_for_update(key_share=True))
    found = await conn.execute(
        select(scheduled_emails, mailbox_days.c.capacity)
        .outerjoin(
            mailbox_days,
            (mailbox_days.c.mailbox_id == columns.mailbox_id) & (mailbox_days.c.day == columns.quota_day),
        )
        .where(*here)
    )
    return found.one()


async def resolve_in_doubt(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    email_id: EmailId,
    settlement: Settlement,
    *,
    now: datetime,
) -> None:
    """
    Settle a doubt by someone's word.

    Raises:
        UnknownObject: The workspace has no such email.
        NotInStatus: The email is not in doubt; or it is to be sent again, and its enrollment has ended.
        LaterEmailLeft: It is to be sent again, and would come after one that follows it.
    """
    email = await hold_email(conn, workspace_id, email_id)
    if email.status != EmailStatus.IN_DOUBT:
        raise NotInStatus(Noun.EMAIL, email.status)
    match settlement:
        case Settlement.SENT:
            await settle_sent(conn, email, _BY_HAND, now=now)
        case Settlement.FAILED:
            await settle_failed(conn, email, _BY_HAND, now=now)
        case Settlement.RESEND:
            await resend(conn, email, _BY_HAND, now=now)


async def settle_sent(conn: AsyncConnection, email: AnEmail, because: Evidence, *, now: datetime) -> None:
    """Record that the held *email*, in doubt until now, had arrived; its sequence goes on."""
    columns = scheduled_emails.c
    left_at = func.coalesce(columns.committing_at, columns.last_attempt_at)
    await conn.execute(
        transition(EMAIL, scheduled_emails, EmailEvent.SETTLE_SENT)
        .where(columns.id == email.id)
        .values(sent_at=left_at, last_error=None, retry_at=None)
    )
    await _record(conn, email, EmailEvent.SETTLE_SENT, because, now=now)
    await count_on_day(conn, email, DayCount(0, sent=1))
    await go_on(conn, [EnrollmentId(email.enrollment_id)], now=now)


async def settle_failed(conn: AsyncConnection, email: AnEmail, because: Evidence, *, now: datetime) -> None:
    """Record that the held *email*, in doubt until now, had not arrived; its sequence says what follows."""
    await conn.execute(
        transition(EMAIL, scheduled_emails, EmailEvent.SETTLE_FAILED)
        .where(scheduled_emails.c.id == email.id)
        .values(failure_reason=because.cause, last_error=because.said or email.last_error, retry_at=None)
    )
    await _record(conn, email, EmailEvent.SETTLE_FAILED, because, now=now)
    await count_on_day(conn, email, DayCount(0, used=-1, failed=1, bounced=int(because.bounces)))
    ids = (WorkspaceId(email.workspace_id), SequenceId(email.sequence_id), EnrollmentId(email.enrollment_id))
    failed = Failed(*ids, ContactId(email.contact_id), EmailId(email.id))
    await after_failure(conn, failed, bounces=because.bounces, now=now)


async def resend(conn: AsyncConnection, email: AnEmail, because: Evidence, *, now: datetime) -> None:
    """
    Have the held *email* tried again, with the same Message-ID: it may arrive twice.

    Raises:
        NotInStatus: Its enrollment has ended.
        LaterEmailLeft: It would come after one that follows it.
    """
    if await is_overtaken(conn, email):
        raise LaterEmailLeft
    await reopen(conn, email, may_go_on=_MAY_GO_ON)
    # No message waits for it: the sweep of overdue retries finds it.
    await conn.execute(
        transition(EMAIL, scheduled_emails, EmailEvent.RESEND)
        .where(scheduled_emails.c.id == email.id)
        .values(retry_at=now)
    )
    await _record(conn, email, EmailEvent.RESEND, because, now=now)
    await count_on_day(conn, email, DayCount(0, used=-1))
    await go_on(conn, [EnrollmentId(email.enrollment_id)], now=now)


async def is_overtaken(conn: AsyncConnection, email: AnEmail) -> bool:
    """Whether a later email of the same enrollment has left, or is leaving."""
    return bool(await conn.scalar(_LATER_LEFT, {"email_id": email.id}))


async def reopen(conn: AsyncConnection, email: AnEmail, *, may_go_on: Collection[EnrollmentStatus]) -> None:
    """
    Bring back the enrollment of the held *email*, if it has ended in one of the ways of *may_go_on*.

    Raises:
        NotInStatus: It has ended in another way; or its contact is on its way through the sequence once more.
    """
    chosen = enrollments.c.id == email.enrollment_id
    status = await conn.scalar(select(enrollments.c.status).where(chosen))
    if status not in may_go_on:
        raise NotInStatus(Noun.ENROLLMENT, str(status))
    try:
        async with conn.begin_nested():
            reopened = await conn.execute(
                transition(ENROLLMENT, enrollments, EnrollmentEvent.REOPEN)
                .where(chosen)
                .values(completed_at=None, version=enrollments.c.version + 1)
            )
    except IntegrityError as taken:
        # The contact is on its way through the sequence once more.
        raise NotInStatus(Noun.ENROLLMENT, str(status)) from taken
    if reopened.rowcount:
        await conn.execute(
            transition(SEQUENCE, sequences, SequenceEvent.REOPEN)
            .where(sequences.c.id == email.sequence_id)
            .values(completed_at=None, version=sequences.c.version + 1)
        )


async def _record(
    conn: AsyncConnection, email: AnEmail, event: EmailEvent, because: Evidence, *, now: datetime
) -> None:
    happened = Happening.of_row(email, event, reply=because.said, cause=because.cause)
    await record_events(conn, [happened], at=now)


async def count_on_day(conn: AsyncConnection, email: AnEmail, change: DayCount) -> None:
    """Count *change* on the day that the held *email* was charged to, if it was."""
    days: dict[tuple[UUID, date], DayCount] = {}
    if email.quota_day is not None and email.capacity is not None:
        change.capacity = email.capacity
        days[email.mailbox_id, email.quota_day] = change
    await count_on_days(conn, days)
