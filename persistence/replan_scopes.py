"""Whom a replan looks at, and what it may do for each of them: the union of what was asked for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.lifecycle import EmailStatus, EnrollmentStatus
from domain.rebalances import RebalanceScope
from domain.recalculations import GAINING, REBINDING, RETURNING, RecalculationCause
from persistence.arrays import among
from persistence.bulk_rows import fetch_tuples
from persistence.leaving_emails import ending_by_policy
from persistence.open_enrollments import in_scope
from persistence.tables import enrollments, scheduled_emails


@dataclass(frozen=True, slots=True)
class ReplanRequest:
    """What sets a replan off, and for whom."""

    cause: RecalculationCause
    scope: RebalanceScope

    @classmethod
    def after(
        cls, cause: RecalculationCause, *, sequence_id: SequenceId | None, mailbox_id: MailboxId | None
    ) -> Self:
        """What a change of a sequence or a mailbox asks for."""
        # Who may be bound elsewhere is found in any mailbox.
        mailbox_ids = () if cause in REBINDING or mailbox_id is None else (mailbox_id,)
        return cls(cause, RebalanceScope(sequence_id, mailbox_ids))


@dataclass(frozen=True, slots=True)
class ReplanScope:
    """
    The enrollments *ids*, and what a replan may do for them.

    Those *ending* have no place in the plan. *may_gain* and *may_rebind* may take earlier slots, or before
    their first email another mailbox. Unless they are locked, nothing is going to be written.
    """

    ids: Collection[EnrollmentId]
    ending: frozenset[EnrollmentId] = frozenset()
    may_gain: frozenset[EnrollmentId] = frozenset()
    may_rebind: frozenset[EnrollmentId] = frozenset()
    undoes_transfers: bool = False
    pulls_forward: bool = False
    is_locked: bool = True


async def replan_scope(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    requests: Iterable[ReplanRequest],
    *,
    lock: bool = True,
) -> ReplanScope:
    """All that *requests* ask for. Enrollments are locked, unless nothing is going to be written."""
    may_gain: set[EnrollmentId] = set()
    may_rebind: set[EnrollmentId] = set()
    asking = [(each.cause, await _asked_for(conn, workspace_id, each)) for each in requests]
    causes = {cause for cause, _ in asking}
    for cause, asked in asking:
        if cause in GAINING:
            may_gain.update(asked)
        if cause in REBINDING:
            may_rebind.update(asked)
    ids = {each for _, asked in asking for each in asked}
    # At once, and by id: two scopes locked one after the other would wait for somebody who comes in order.
    held = await _hold(conn, workspace_id, ids) if lock else sorted(ids)
    return ReplanScope(
        held,
        ending=await ending_by_policy(conn, workspace_id, held),
        may_gain=frozenset(may_gain),
        may_rebind=frozenset(may_rebind),
        undoes_transfers=not causes.isdisjoint(RETURNING),
        pulls_forward=RecalculationCause.NIGHTLY in causes,
        is_locked=lock,
    )


async def count_asked_for(
    conn: AsyncConnection, workspace_id: WorkspaceId, requests: Iterable[ReplanRequest]
) -> int:
    """How many emails *requests* make a replan look at."""
    ids = {each for request in requests for each in await _asked_for(conn, workspace_id, request)}
    return await count_pending(conn, workspace_id, ids)


async def _asked_for(
    conn: AsyncConnection, workspace_id: WorkspaceId, request: ReplanRequest
) -> list[EnrollmentId]:
    scope = request.scope
    return await in_scope(conn, workspace_id, sequence_id=scope.sequence_id, mailbox_ids=scope.mailbox_ids)


async def count_pending(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> int:
    """How many emails of the enrollments *ids* have not left, nor been taken up to leave."""
    pending = select(func.count()).where(
        scheduled_emails.c.workspace_id == workspace_id,
        among(scheduled_emails.c.enrollment_id, ids),
        scheduled_emails.c.status == str(EmailStatus.PENDING),
    )
    return int(await conn.scalar(pending) or 0)


async def _hold(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> list[EnrollmentId]:
    """Lock those of *ids* that are still active."""
    held = await fetch_tuples(
        conn,
        select(enrollments.c.id)
        .where(
            enrollments.c.workspace_id == workspace_id,
            among(enrollments.c.id, ids),
            enrollments.c.status == str(EnrollmentStatus.ACTIVE),
        )
        .order_by(enrollments.c.id)
        .with_for_update(key_share=True),
    )
    return [EnrollmentId(enrollment_id) for (enrollment_id,) in held]
