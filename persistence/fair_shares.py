"""Who gives way to newcomers: unstarted contacts of sequences with more than their share of starts."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.enrollments import Enrollment
from domain.fair_shares import Newcomers, Starts, who_yields
from domain.ids import EnrollmentId, SequenceId, WorkspaceId
from domain.keeping import SETTLED_BEFORE
from domain.plan import Plan
from domain.sequences import Sequence
from persistence.arrays import among
from persistence.open_enrollments import enrollments_for_planning
from persistence.planning_terms import PlanningTerms
from persistence.tables import enrollments

# By sequence and day, the enrollments that start on it, and those of them that may give way, last come first.
# OFFSET keeps the planner at one look-up by key each: unaware of a crowd that has just been enrolled, it
# compared each itinerary with all enrollments of the sequence (20 s instead of 20 ms for 3,000).
_UNSTARTED = text("""
WITH itineraries AS MATERIALIZED (
    SELECT enrollment_id, min(window_day) AS day, min(send_at) AS starts_at, count(*) AS emails,
        bool_or(is_set_by_hand) AS is_set_by_hand
    FROM scheduled_emails
    WHERE workspace_id = :workspace_id AND mailbox_id = ANY(CAST(:mailbox_ids AS uuid[]))
        AND send_day >= :since AND status <> 'CANCELLED'
    GROUP BY enrollment_id
    HAVING bool_and(status = 'PENDING' AND send_at IS NOT NULL)
), unstarted AS MATERIALIZED (
    SELECT i.*, n.sequence_id, n.enrolled_at,
        n.displaced_at IS NULL AND i.starts_at > :settled_before AND NOT i.is_set_by_hand
            AND n.id <> ALL(CAST(:left_out AS uuid[])) AS may_yield
    FROM itineraries AS i
    CROSS JOIN LATERAL (SELECT * FROM enrollments WHERE id = i.enrollment_id OFFSET 0) AS n
    WHERE n.status = 'ACTIVE' AND n.last_window_day IS NULL
        AND n.sequence_id = ANY(CAST(:sequence_ids AS uuid[]))
)
SELECT sequence_id, day, count(*) AS number,
    (array_agg(enrollment_id ORDER BY enrolled_at DESC, enrollment_id DESC) FILTER (WHERE may_yield))
        [1:CAST(:most AS int)] AS yielding,
    (array_agg(emails ORDER BY enrolled_at DESC, enrollment_id DESC) FILTER (WHERE may_yield))
        [1:CAST(:most AS int)] AS emails
FROM unstarted GROUP BY sequence_id, day
""")


async def with_yielding(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    planned: list[Enrollment],
    *,
    ending: Collection[EnrollmentId],
    terms: PlanningTerms,
    now: datetime,
    lock: bool,
) -> list[Enrollment]:
    """
    *planned*, and the enrollments beside them that give way to the newcomers among them.

    Those are locked, unless *lock* is false because nothing is going to be written. Where a sequence has its
    mailboxes to itself, nothing is read.
    """
    yields_to: dict[EnrollmentId, SequenceId] = {}
    weights_beside = {each: _weights_beside(each, terms) for each in {each.sequence for each in planned}}
    sharing = {each for each, weights in weights_beside.items() if len(weights) > 1}
    for sequence, newcomers in _newcomers(planned, sharing).items():
        weights = weights_beside[sequence]
        scope = {
            "workspace_id": workspace_id,
            "mailbox_ids": [each for each in sequence.mailbox_ids if terms.mailboxes[each].is_available],
            "sequence_ids": list(weights),
            # What left in the days before has told its enrollment so.
            "since": (now - timedelta(days=2)).date(),
            "settled_before": now + SETTLED_BEFORE,
            "left_out": [*ending, *yields_to],
            "most": len(newcomers),
        }
        found = await _yielding(conn, sequence, newcomers, weights, scope)
        yields_to |= dict.fromkeys(found, sequence.id)
    if not yields_to:
        return planned
    beside: Collection[EnrollmentId] = yields_to.keys() - {each.id for each in planned}
    if lock:
        beside = await _lock(conn, workspace_id, beside)
    others = await enrollments_for_planning(conn, workspace_id, beside, terms=terms)
    return [
        replace(each, yields_to=yields_to.get(each.id))
        for each in [*planned, *(each for each in others if _is_at_home(each))]
    ]


async def mark_displaced(
    conn: AsyncConnection, workspace_id: WorkspaceId, plan: Plan, *, now: datetime
) -> None:
    """Note who gave way in *plan*: nobody does so twice."""
    displaced = [each.enrollment_id for each in plan.itineraries if each.is_displaced]
    if displaced:
        await conn.execute(
            update(enrollments)
            .where(enrollments.c.workspace_id == workspace_id, among(enrollments.c.id, displaced))
            .values(displaced_at=now)
        )


def _newcomers(
    planned: Iterable[Enrollment], sharing: Collection[Sequence]
) -> dict[Sequence, list[Enrollment]]:
    """The newcomers of each sequence among *sharing*, under the first of them whose zone it is seen in."""
    by_id: dict[SequenceId, list[Enrollment]] = {}
    for each in planned if sharing else ():
        if each.sequence in sharing and each.is_newcomer:
            by_id.setdefault(each.sequence.id, []).append(each)
    return {newcomers[0].sequence: newcomers for _, newcomers in sorted(by_id.items())}


def _weights_beside(sequence: Sequence, terms: PlanningTerms) -> dict[SequenceId, int]:
    """The weights of *sequence* and of those beside it that have no higher priority and keep no pace."""
    linked = frozenset(sequence.mailbox_ids)
    return {
        sequence_id: each.row.weight
        for sequence_id, each in terms.sequences.items()
        if each.row.priority <= sequence.priority
        and each.paced_by is None
        and linked.intersection(each.row.mailbox_ids or ())
    }


async def _yielding(
    conn: AsyncConnection,
    sequence: Sequence,
    newcomers: Collection[Enrollment],
    weights: Mapping[SequenceId, int],
    scope: Mapping[str, object],
) -> list[EnrollmentId]:
    """Who gives way to *newcomers* of *sequence*."""
    starts = [
        Starts(
            SequenceId(row.sequence_id),
            weights[row.sequence_id],
            row.day,
            row.number,
            tuple(zip(row.yielding or (), row.emails or (), strict=True)),
        )
        for row in await conn.execute(_UNSTARTED, scope)
    ]
    emails = sum(len(each.legs) for each in newcomers)
    return who_yields(Newcomers(sequence.id, sequence.weight, len(newcomers), emails), starts)


async def _lock(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> list[EnrollmentId]:
    """Lock those of *ids* whom nobody is changing now: the planner waits for no sender."""
    locked = (
        select(enrollments.c.id)
        .where(enrollments.c.workspace_id == workspace_id, among(enrollments.c.id, ids))
        .order_by(enrollments.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return [EnrollmentId(each) for each in await conn.scalars(locked)]


def _is_at_home(enrollment: Enrollment) -> bool:
    """Whether nothing but a newcomer would move *enrollment*: its mailbox is its own, its slots are kept."""
    return not enrollment.may_change_mailbox and all(
        leg.loses_slot is None and leg.held is not None and leg.held.mailbox_id == enrollment.mailbox_id
        for leg in enrollment.legs
    )
