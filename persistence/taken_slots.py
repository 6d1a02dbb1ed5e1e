"""The places in mailboxes' timetables that are taken by emails outside of a plan."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import compress

from sqlalchemy import Text, and_, case, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import BYTEA, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId, MailboxId, WorkspaceId
from domain.keeping import SETTLED_BEFORE
from domain.lifecycle import UNDER_WAY, EmailStatus
from domain.mailboxes import Mailbox
from domain.plan import TakenDay
from persistence.arrays import among
from persistence.being_planned import BeingPlanned
from persistence.bulk_rows import fetch_tuples
from persistence.packed_rows import PackedIds, PackedInstants
from persistence.planning_terms import PlanningTerms
from persistence.recipient_domains import recipient_domain
from persistence.tables import contacts, scheduled_emails

TAKING = (
    EmailStatus.PENDING,
    *UNDER_WAY,
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


async def taken_slots(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    mailbox_ids: Collection[MailboxId],
    *,
    planned: BeingPlanned,
    terms: PlanningTerms,
    now: datetime,
) -> list[TakenDay]:
    """
    The emails of *mailbox_ids* that count on today or a day to come, but for those of *planned*
    that are pending, or were when they were read to be planned.

    Today is the mailbox's; a day more is read, and does no harm. Where rates look farther back, so does this.
    """
    boxes = [terms.mailboxes[mailbox_id] for mailbox_id in mailbox_ids]
    is_pending = _columns.status == str(EmailStatus.PENDING)
    is_planned = among(_columns.enrollment_id, planned.ids)
    may_shift = and_(is_pending, now + SETTLED_BEFORE < TAKEN_AT, ~_columns.is_set_by_hand)
    alike = (
        func.uuid_send(_columns.mailbox_id),
        _columns.send_day,
        func.uuid_send(_columns.sequence_id),
        may_shift,
        contacts.c.zone if terms.uses_contact_zones else literal(None, Text),
        recipient_domain(boxes),
        and_(~is_pending, is_planned),
    )
    with_contacts = scheduled_emails.join(contacts, contacts.c.id == _columns.contact_id)
    # With the ordinary 4 MB the emails of some hundred thousand contacts are sorted on disk, turn after
    # turn.
    await conn.execute(text("SET LOCAL work_mem = '256MB'"))
    rows = await fetch_tuples(
        conn,
        select(
            *alike,
            *(
                func.string_agg(values, aggregate_order_by(literal(b"", BYTEA), TAKEN_AT, _columns.id))
                for values in (func.uuid_send(_columns.id), func.timestamptz_send(TAKEN_AT))
            ),
        )
        .select_from(with_contacts if terms.asks_for_contacts(boxes) else scheduled_emails)
        .where(
            _columns.workspace_id == workspace_id,
            among(_columns.mailbox_id, mailbox_ids),
            _columns.status.in_([str(status) for status in TAKING]),
            _columns.send_at.is_not(None),
            _columns.send_day >= (now - _remembered(boxes)).date(),
            or_(~is_pending, ~is_planned),
        )
        .group_by(_columns.mailbox_id, _columns.send_day, _columns.sequence_id, *alike[3:]),
    )
    by_bytes = {each.id.bytes: each.id for each in boxes}
    sequences = {sequence_id.bytes: its_terms for sequence_id, its_terms in terms.sequences.items()}
    taken = []
    for mailbox, _, sequence, shifts, zone, domain, is_own, email_ids, instants in rows:
        calendar, paced_by = None, None
        if (its_terms := sequences.get(sequence)) is not None:
            paced_by = its_terms.paced_by
            calendar = its_terms.for_zone(zone).calendar if shifts and its_terms.shifts else None
        mailbox_id = by_bytes[mailbox]
        emails: Sequence[EmailId] = PackedIds(email_ids)
        leaving: Sequence[datetime] = PackedInstants(instants)
        if is_own:
            is_taken = [not planned.has(each) for each in emails]
            emails, leaving = [*compress(emails, is_taken)], [*compress(leaving, is_taken)]
        if emails:
            taken.append(TakenDay(mailbox_id, emails, leaving, calendar, domain, paced_by))
    return taken


def _remembered(boxes: Iterable[Mailbox]) -> timedelta:
    """For how long what left bears on what leaves: its day, and the longest stretch of any rate."""
    spans = (rate.span for box in boxes for rate in box.rates)
    return timedelta(days=2) + max(spans, default=timedelta())
