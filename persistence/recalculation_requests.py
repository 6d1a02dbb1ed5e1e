"""Requests for a recalculation: written in the transaction of the change that makes one necessary."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import MailboxId, RecalculationId, SequenceId, WorkspaceId
from domain.recalculations import RecalculationCause, RecalculationStatus
from persistence.database import notify
from persistence.ids import uuid7
from persistence.tables import recalculations


async def request_recalculation(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    cause: RecalculationCause,
    sequence_id: SequenceId | None = None,
    mailbox_id: MailboxId | None = None,
    details: Mapping[str, object] | None = None,
    requested_by: str,
    requested_by_name: str | None = None,
    now: datetime,
) -> RecalculationId:
    """Ask for a replan: join an equal request that nobody has begun, or make one. Heard at the commit."""
    equal = await conn.scalar(
        # Skips one that is being begun: its replan may have read what this transaction changes.
        select(recalculations.c.id)
        .where(
            recalculations.c.workspace_id == workspace_id,
            recalculations.c.status == str(RecalculationStatus.PENDING),
            recalculations.c.cause == str(cause),
            recalculations.c.sequence_id.is_not_distinct_from(sequence_id),
            recalculations.c.mailbox_id.is_not_distinct_from(mailbox_id),
            recalculations.c.details == literal(dict(details or {}), JSONB),
        )
        .order_by(recalculations.c.id)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
    )
    recalculation_id = RecalculationId(equal or uuid7())
    if equal is None:
        await conn.execute(
            insert(recalculations).values(
                id=recalculation_id,
                workspace_id=workspace_id,
                cause=str(cause),
                sequence_id=sequence_id,
                mailbox_id=mailbox_id,
                details=dict(details or {}),
                requested_by=requested_by,
                requested_by_name=requested_by_name,
                requested_at=now,
            )
        )
    await notify(conn, "recalculate")
    return recalculation_id
