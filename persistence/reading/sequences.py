"""Reading sequences, their steps and mailboxes, and how many contacts and emails they have in each state."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import SequenceStatus
from persistence.arrays import among
from persistence.reading.mailboxes import SHOWN
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.reading.searching import has_text
from persistence.tables import (
    enrollments,
    mailboxes,
    scheduled_emails,
    sequence_mailboxes,
    sequences,
    step_versions,
    steps,
)

ORDER = Order((uuid_key(sequences.c.id),))


def sequences_where(
    workspace_id: UUID,
    *,
    statuses: Collection[SequenceStatus] | None = None,
    search: str | None = None,
    updated_since: datetime | None = None,
) -> AnySelect:
    """Sequences that were made as such; batches are listed by themselves."""
    found = select(sequences).where(sequences.c.workspace_id == workspace_id, sequences.c.kind == "SEQUENCE")
    if statuses is not None:
        found = found.where(among(sequences.c.status, statuses))
    if search is not None:
        found = found.where(has_text(search, sequences.c.name))
    if updated_since is not None:
        found = found.where(sequences.c.updated_at >= updated_since)
    return found


async def sequences_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    found = select(sequences).where(sequences.c.workspace_id == workspace_id, among(sequences.c.id, ids))
    return (await conn.execute(found)).all()


# Steps with the text in force.
TEXT_IN_FORCE = and_(step_versions.c.step_id == steps.c.id, step_versions.c.version == steps.c.text_version)
STEP_COLUMNS = (*steps.c, step_versions.c.subject, step_versions.c.body_text, step_versions.c.body_html)


def _steps(workspace_id: UUID) -> AnySelect:
    return (
        select(*STEP_COLUMNS).join(step_versions, TEXT_IN_FORCE).where(steps.c.workspace_id == workspace_id)
    )


async def steps_by_id(conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[AnyRow]:
    """Steps, removed ones too: what was sent for them stays."""
    return (await conn.execute(_steps(workspace_id).where(among(steps.c.id, ids)))).all()


async def live_steps_of(
    conn: AsyncConnection, workspace_id: UUID, sequence_ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """The live steps of several sequences, each one's in their order."""
    live = _steps(workspace_id).where(among(steps.c.sequence_id, sequence_ids), steps.c.removed_at.is_(None))
    return (await conn.execute(live.order_by(steps.c.sequence_id, steps.c.position))).all()


async def mailboxes_of(
    conn: AsyncConnection, workspace_id: UUID, sequence_ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """The mailboxes linked to several sequences, oldest first, each row with its `sequence_id`."""
    linked = (
        select(*SHOWN, sequence_mailboxes.c.sequence_id)
        .join(sequence_mailboxes, sequence_mailboxes.c.mailbox_id == mailboxes.c.id)
        .where(
            sequence_mailboxes.c.workspace_id == workspace_id,
            among(sequence_mailboxes.c.sequence_id, sequence_ids),
        )
        .order_by(mailboxes.c.id)
    )
    return (await conn.execute(linked)).all()


async def enrollment_counts(
    conn: AsyncConnection, workspace_id: UUID, sequence_ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """Rows of `sequence_id`, `status`, `amount`; states without an enrollment have no row."""
    counted = (
        select(enrollments.c.sequence_id, enrollments.c.status, func.count().label("amount"))
        .where(enrollments.c.workspace_id == workspace_id, among(enrollments.c.sequence_id, sequence_ids))
        .group_by(enrollments.c.sequence_id, enrollments.c.status)
    )
    return (await conn.execute(counted)).all()


async def email_counts(
    conn: AsyncConnection, workspace_id: UUID, sequence_ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """
    Rows of `sequence_id`, `status`, `amount`, of which `retried`, and the earliest `send_at` and latest
    `sent_at`; states without an email have no row.
    """
    emails = scheduled_emails.c
    counted = (
        select(
            emails.sequence_id,
            emails.status,
            func.count().label("amount"),
            func.count().filter(emails.retry_count > 0).label("retried"),
            func.min(emails.send_at).label("send_at"),
            func.max(emails.sent_at).label("sent_at"),
        )
        .where(emails.workspace_id == workspace_id, among(emails.sequence_id, sequence_ids))
        .group_by(emails.sequence_id, emails.status)
    )
    return (await conn.execute(counted)).all()
