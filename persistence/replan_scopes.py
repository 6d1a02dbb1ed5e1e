"""Whom a replan looks at, and what it may do for each of them: the union of what was asked for."""

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Self

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from domain.ids import EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.lifecycle import EmailStatus
from domain.rebalances import RebalanceScope
from domain.recalculations import GAINING, OF_SHARED_CONTACTS, REBINDING, RETURNING, RecalculationCause
from persistence.arrays import among
from persistence.bulk_rows import fetch_tuples
from persistence.contact_gaps import has_other_enrollments
from persistence.leaving_emails import ending_by_policy
from persistence.open_enrollments import is_in_scope
from persistence.tables import enrollments, scheduled_emails


@dataclass(frozen=True, slots=True)
class ReplanRequest:
    """What sets a replan off, and for whom."""

    cause: RecalculationCause
    scope: RebalanceScope

    @classmethod
    def after(
        cls,
        cause: RecalculationCause,
        *,
        sequence_id: SequenceId | None,
        mailbox_id: MailboxId | None,
        enrollment_id: EnrollmentId | None = None,
    ) -> Self:
        """What a change of a sequence, a mailbox or one enrollment asks for."""
        # Who may be bound elsewhere is found in any mailbox.
        mailbox_ids = () if cause in REBINDING or mailbox_id is None else (mailbox_id,)
        return cls(cause, RebalanceScope(sequence_id, mailbox_ids, enrollment_id))


# Any: whoever it is.
class Everyone(Container[Any]):
    """Holds all there are: cheaper to ask than a set of fifty thousand."""

    @override
    def __contains__(self, _: object) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class ReplanScope:
    """
    The enrollments *ids*, in their order, and what a replan may do for them.

    Those *ending* have no place in the plan. *may_gain* and *may_rebind* may take earlier slots, or before
    their first email another mailbox. Unless they are locked, nothing is going to be written.
    """

    ids: Collection[EnrollmentId]
    ending: frozenset[EnrollmentId] = frozenset()
    may_gain: Container[EnrollmentId] = ()
    may_rebind: Container[EnrollmentId] = ()
    undoes_transfers: bool = False
    pulls_forward: bool = False
    is_locked: bool = True


async def replan_scope(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    requests: Sequence[ReplanRequest],
    *,
    lock: bool = True,
) -> ReplanScope:
    """All that *requests* ask for. Enrollments are locked, unless nothing is going to be written."""
    asked_for = (
        select(enrollments.c.id, _asks(requests, GAINING), _asks(requests, REBINDING))
        .where(enrollments.c.workspace_id == workspace_id, _asks(requests))
        .order_by(enrollments.c.id)
    )
    # At once, and by id: two scopes locked one after the other would wait for somebody who comes in order.
    rows = await fetch_tuples(conn, asked_for.with_for_update(key_share=True) if lock else asked_for)
    causes = {each.cause for each in requests}
    ids = [EnrollmentId(row[0]) for row in rows]
    return ReplanScope(
        ids,
        ending=await ending_by_policy(conn, workspace_id, ids),
        may_gain=_those(ids, [row[1] for row in rows]),
        may_rebind=_those(ids, [row[2] for row in rows]),
        undoes_transfers=not causes.isdisjoint(RETURNING),
        pulls_forward=RecalculationCause.NIGHTLY in causes,
        is_locked=lock,
    )


def _asks(
    requests: Iterable[ReplanRequest], causes: Container[RecalculationCause] = Everyone()
) -> ColumnElement[bool]:
    """Whether any of *requests* with one of *causes* asks for an enrollment."""
    return or_(false(), *(_asked_for(each) for each in requests if each.cause in causes))


def _asked_for(request: ReplanRequest) -> ColumnElement[bool]:
    in_scope = is_in_scope(request.scope)
    return and_(in_scope, has_other_enrollments()) if request.cause in OF_SHARED_CONTACTS else in_scope


def _those(ids: Sequence[EnrollmentId], are_meant: Sequence[bool]) -> Container[EnrollmentId]:
    if all(are_meant):
        return Everyone()
    return frozenset(compress(ids, are_meant)) if any(are_meant) else ()


async def count_asked_for(
    conn: AsyncConnection, workspace_id: WorkspaceId, requests: Iterable[ReplanRequest]
) -> int:
    """How many emails *requests* make a replan look at."""
    return await _count_pending(conn, workspace_id, _asks(requests))


async def count_pending(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> int:
    """How many emails of the enrollments *ids* have not left, nor been taken up to leave."""
    return await _count_pending(conn, workspace_id, among(enrollments.c.id, ids))


async def _count_pending(
    conn: AsyncConnection, workspace_id: WorkspaceId, condition: ColumnElement[bool]
) -> int:
    # One look-up for each enrollment, whatever PostgreSQL believes of a crowd that has just been enrolled:
    # as a join it once compared every email with every enrollment, for minutes.
    theirs = (
        select(func.count())
        .where(
            scheduled_emails.c.enrollment_id == enrollments.c.id,
            scheduled_emails.c.status == str(EmailStatus.PENDING),
        )
        .scalar_subquery()
    )
    counted = select(func.sum(theirs)).where(enrollments.c.workspace_id == workspace_id, condition)
    return int(await conn.scalar(counted) or 0)
