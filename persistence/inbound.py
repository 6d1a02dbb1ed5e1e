"""Inbound messages recorded: which email each is about, and what follows from it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, EmailId, SequenceId, WorkspaceId
from domain.inbound import Inbound, InboundKind
from domain.lifecycle import EMAIL, ContactEvent, EmailEvent, EmailStatus, EnrollmentEvent
from domain.threads import bare_subject, email_id_of
from persistence.arrays import among
from persistence.email_events import Happening, record_events
from persistence.mailbox_loads import DayCount
from persistence.sequences import complete_sequences
from persistence.settling import AnEmail, Evidence, count_on_day, hold_email, settle_failed, settle_sent
from persistence.stops import end_enrollments
from persistence.suppressions import SuppressionReason, stop_contact
from persistence.tables import contacts, email_events, enrollments, mailboxes, scheduled_emails
from persistence.transitions import transition

_BOUNCES = frozenset({InboundKind.BOUNCE, InboundKind.HARD_BOUNCE})


@dataclass(frozen=True, slots=True)
class Recorded:
    """The email that a message is about, and whether a doubt was settled by it."""

    email_id: EmailId
    settled: bool


async def record_inbound(
    conn: AsyncConnection, workspace_id: WorkspaceId, inbound: Inbound, *, now: datetime
) -> Recorded | None:
    """
    Act on a message that came in; None when it is about no email, or a mailbox of this workspace sent it.

    The same message handed in again changes nothing.
    """
    email_id = await _about(conn, workspace_id, inbound)
    if email_id is None:
        return None
    email = await hold_email(conn, workspace_id, email_id)
    settled = email.status == EmailStatus.IN_DOUBT
    if inbound.kind in _BOUNCES:
        await _bounce(conn, email, inbound, now=now)
    else:
        # Whoever answers or reports it has got it; and so has a server that reports a delay.
        if settled:
            await settle_sent(conn, email, Evidence(str(inbound.kind)), now=now)
        if inbound.kind is InboundKind.REPLY:
            await _reply(conn, email, now=now)
        if inbound.kind is InboundKind.COMPLAINT:
            await _complaint(conn, email, inbound, now=now)
    return Recorded(email_id, settled)


async def _about(conn: AsyncConnection, workspace_id: WorkspaceId, inbound: Inbound) -> EmailId | None:
    """The email that *inbound* cites, or else the last one of its sender's with the same subject."""
    ours = exists().where(
        mailboxes.c.workspace_id == workspace_id, mailboxes.c.normalised_email == inbound.sender
    )
    if await conn.scalar(select(ours)):
        return None
    columns = scheduled_emails.c
    candidates = {email_id for cites in inbound.cites if (email_id := email_id_of(cites)) is not None}
    cited = await conn.execute(
        select(columns.message_id, columns.id).where(
            columns.workspace_id == workspace_id,
            among(columns.id, candidates),
            among(columns.message_id, inbound.cites),
        )
    )
    email_ids = {row.message_id: EmailId(row.id) for row in cited}
    nearest = next((email_ids[cites] for cites in inbound.cites if cites in email_ids), None)
    if nearest is not None or inbound.kind is not InboundKind.REPLY:
        return nearest
    return await _by_subject(conn, workspace_id, inbound)


async def _by_subject(conn: AsyncConnection, workspace_id: WorkspaceId, inbound: Inbound) -> EmailId | None:
    columns = scheduled_emails.c
    written = await conn.execute(
        select(columns.id, columns.subject)
        .join(contacts, contacts.c.id == columns.contact_id)
        .where(
            columns.workspace_id == workspace_id,
            contacts.c.normalised_email == inbound.sender,
            columns.subject.is_not(None),
            columns.status.in_([str(EmailStatus.SENT), str(EmailStatus.IN_DOUBT)]),
        )
        .order_by(func.coalesce(columns.sent_at, columns.last_attempt_at).desc(), columns.id.desc())
    )
    wanted = bare_subject(inbound.subject)
    return next((EmailId(row.id) for row in written if bare_subject(row.subject) == wanted), None)


async def _bounce(conn: AsyncConnection, email: AnEmail, inbound: Inbound, *, now: datetime) -> None:
    is_hard = inbound.kind is InboundKind.HARD_BOUNCE
    said = inbound.diagnosis or inbound.status
    if email.status == EmailStatus.IN_DOUBT:
        because = Evidence(str(inbound.kind), said=said, bounces=is_hard)
        await settle_failed(conn, email, because, now=now)
        return
    is_new = await _note(conn, email, EmailEvent.BOUNCE, inbound.kind, said=said, now=now)
    if is_hard and is_new:
        await count_on_day(conn, email, DayCount(0, bounced=1))
    if is_hard:
        await stop_contact(
            conn,
            workspace_id=WorkspaceId(email.workspace_id),
            contact_id=ContactId(email.contact_id),
            contact_event=ContactEvent.BOUNCE,
            enrollment_event=EnrollmentEvent.BOUNCE,
            reason=SuppressionReason.HARD_BOUNCE,
            email_id=EmailId(email.id),
            now=now,
        )


async def _reply(conn: AsyncConnection, email: AnEmail, *, now: datetime) -> None:
    """Whoever replied in person gets nothing more of this sequence."""
    await _note(conn, email, EmailEvent.REPLY, InboundKind.REPLY, now=now)
    workspace_id = WorkspaceId(email.workspace_id)
    ended = await end_enrollments(
        conn,
        workspace_id=workspace_id,
        matching=enrollments.c.id == email.enrollment_id,
        event=EnrollmentEvent.REPLY,
        now=now,
    )
    if ended:
        await complete_sequences(conn, workspace_id, now=now, among_ids=[SequenceId(email.sequence_id)])


async def _complaint(conn: AsyncConnection, email: AnEmail, inbound: Inbound, *, now: datetime) -> None:
    """Whoever complained is written to no more, by any sequence."""
    await _note(conn, email, EmailEvent.COMPLAIN, InboundKind.COMPLAINT, said=inbound.diagnosis, now=now)
    await stop_contact(
        conn,
        workspace_id=WorkspaceId(email.workspace_id),
        contact_id=ContactId(email.contact_id),
        contact_event=ContactEvent.UNSUBSCRIBE,
        enrollment_event=EnrollmentEvent.UNSUBSCRIBE,
        reason=SuppressionReason.COMPLAINT,
        email_id=EmailId(email.id),
        now=now,
    )


async def _note(
    conn: AsyncConnection,
    email: AnEmail,
    event: EmailEvent,
    kind: InboundKind,
    *,
    said: str | None = None,
    now: datetime,
) -> bool:
    """Record *event* of the held *email*, once; False if it was before, or does not happen to it."""
    known = exists().where(email_events.c.email_id == email.id, email_events.c.kind == str(event))
    noted = await conn.execute(
        transition(EMAIL, scheduled_emails, event).where(scheduled_emails.c.id == email.id, ~known)
    )
    if noted.rowcount:
        happened = Happening.of_row(email, event, reply=said, cause=str(kind))
        await record_events(conn, [happened], at=now)
    return bool(noted.rowcount)
