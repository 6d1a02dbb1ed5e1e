"""Reading mailboxes, and what is planned and used on each of their days."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, TableValuedAlias, Uuid, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import EmailStatus, MailboxStatus
from persistence.arrays import among, unnested
from persistence.planning_terms import PLANNING_SEED
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.reading.searching import has_text
from persistence.tables import mailbox_days, mailboxes, scheduled_emails

# Secrets stay in the database, encrypted as they are: nobody who reads needs them.
SHOWN = (
    *(column for column in mailboxes.c if not column.name.endswith("_encrypted")),
    PLANNING_SEED,
)
ORDER = Order((uuid_key(mailboxes.c.id),))
# Emails that the day is still to be spent on; a retry needs its place in the budget again.
PLANNED = (EmailStatus.PENDING, EmailStatus.RETRYING)


def mailboxes_where(
    workspace_id: UUID,
    *,
    statuses: Collection[MailboxStatus] | None = None,
    search: str | None = None,
    updated_since: datetime | None = None,
) -> AnySelect:
    """Mailboxes; removed ones only when *statuses* asks for them."""
    found = select(*SHOWN).where(mailboxes.c.workspace_id == workspace_id)
    if statuses is None:
        found = found.where(mailboxes.c.status != MailboxStatus.REMOVED)
    else:
        found = found.where(among(mailboxes.c.status, statuses))
    if search is not None:
        found = found.where(has_text(search, mailboxes.c.name, mailboxes.c.email, mailboxes.c.owner))
    if updated_since is not None:
        found = found.where(mailboxes.c.updated_at >= updated_since)
    return found


async def mailboxes_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    found = select(*SHOWN).where(mailboxes.c.workspace_id == workspace_id, among(mailboxes.c.id, ids))
    return (await conn.execute(found)).all()


async def used_days(
    conn: AsyncConnection, workspace_id: UUID, spans: Collection[tuple[UUID, date, date]]
) -> Sequence[AnyRow]:
    """The days in *spans*, both ends included, on which anything was sent, failed or reserved."""
    asked = asked_spans(spans)
    found = (
        select(mailbox_days)
        .distinct()
        .join(
            asked,
            and_(
                mailbox_days.c.mailbox_id == asked.c.mailbox_id,
                mailbox_days.c.day.between(asked.c.first, asked.c.last),
            ),
        )
        .where(mailbox_days.c.workspace_id == workspace_id)
    )
    return (await conn.execute(found)).all()


async def planned_days(
    conn: AsyncConnection, workspace_id: UUID, spans: Collection[tuple[UUID, date, date]]
) -> Sequence[AnyRow]:
    """
    Rows of `mailbox_id`, `day`, `planned`, and when the last of them leaves and the last other one was tried;
    days without an email have no row.
    """
    asked = asked_spans(spans)
    emails = scheduled_emails.c
    found = (
        select(
            emails.mailbox_id,
            emails.send_day.label("day"),
            func.count(emails.id.distinct()).filter(emails.status.in_(PLANNED)).label("planned"),
            func.max(func.coalesce(emails.retry_at, emails.send_at))
            .filter(emails.status.in_(PLANNED))
            .label("last_planned_at"),
            func.max(emails.last_attempt_at).filter(emails.status.not_in(PLANNED)).label("last_tried_at"),
        )
        .join(
            asked,
            and_(
                emails.mailbox_id == asked.c.mailbox_id,
                emails.send_day.between(asked.c.first, asked.c.last),
            ),
        )
        .where(emails.workspace_id == workspace_id)
        .group_by(emails.mailbox_id, emails.send_day)
    )
    return (await conn.execute(found)).all()


def asked_spans(spans: Collection[tuple[UUID, date, date]], *, of: str = "mailbox_id") -> TableValuedAlias:
    """*spans* as rows of the id so named, `first` and `last`."""
    ids, firsts, lasts = zip(*spans, strict=True)
    return unnested(
        {of: Uuid(), "first": Date(), "last": Date()},
        {of: ids, "first": firsts, "last": lasts},
    )
