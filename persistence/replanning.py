"""Replanning: what the plan of some enrollments is, and writing it. The first half alone is a dry run."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EnrollmentId, RecalculationId, WorkspaceId
from domain.lifecycle import MailboxStatus
from domain.plan import Plan
from domain.situations import Situation
from persistence.being_planned import BeingPlanned
from persistence.contact_gaps import contact_gap
from persistence.fair_shares import mark_displaced, with_yielding
from persistence.open_enrollments import enrollments_for_planning
from persistence.planned_emails import Written, write_plan
from persistence.planning_terms import planning_terms
from persistence.recalculations import cancel_left_out
from persistence.replan_scopes import ReplanScope
from persistence.sequence_starts import sequence_starts
from persistence.taken_slots import taken_slots
from persistence.undone_transfers import undo_transfers


async def replan(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId], *, now: datetime
) -> Written:
    """Plan the locked enrollments *ids* under the workspace's plan lock, and write what changes."""
    draft = await draft_replan(conn, workspace_id, ReplanScope(ids), now=now)
    return await write_replan(conn, workspace_id, ids, draft, now=now)


async def draft_replan(
    conn: AsyncConnection, workspace_id: WorkspaceId, scope: ReplanScope, *, now: datetime
) -> Plan:
    """Plan those in *scope* as of *now*, and write nothing."""
    return await asyncio.to_thread(await read_replan(conn, workspace_id, scope, now=now))


async def read_replan(
    conn: AsyncConnection, workspace_id: WorkspaceId, scope: ReplanScope, *, now: datetime
) -> Situation:
    """
    All that a plan of those in *scope* takes as of *now*; what is answered, called, makes it.

    Others that give way to newcomers among them are planned too, and locked if those in scope are. It is
    arithmetic over everything at once: in a thread, so that no conversation on this loop waits for it.
    """
    terms = await planning_terms(conn, workspace_id)
    enrollments = await enrollments_for_planning(
        conn,
        workspace_id,
        [each for each in scope.ids if each not in scope.ending] if scope.ending else scope.ids,
        terms=terms,
        may_gain=scope.may_gain,
        may_rebind=scope.may_rebind,
    )
    if scope.undoes_transfers:
        active = {each for each, status in terms.statuses.items() if status is MailboxStatus.ACTIVE}
        enrollments = await undo_transfers(conn, workspace_id, enrollments, active=active)
    # By sequence: thousands of enrollments share one, and each would bring all of its mailboxes again.
    sequences = {each.sequence for each in enrollments}
    serving = {mailbox_id for each in sequences for mailbox_id in each.mailbox_ids}
    # By the numbers of ids: a UUID hashes itself in Python.
    homes = {each.mailbox_id.int: each.mailbox_id for each in enrollments if each.mailbox_id is not None}
    serving.update(homes.values())
    asked = len(enrollments)
    enrollments = await with_yielding(
        conn, workspace_id, enrollments, ending=scope.ending, terms=terms, now=now, lock=scope.is_locked
    )
    ids = [*scope.ids, *(each.id for each in enrollments[asked:])]
    planned = BeingPlanned(ids, enrollments)
    others = await taken_slots(conn, workspace_id, serving, planned=planned, terms=terms, now=now)
    since = (now - timedelta(days=3)).date()
    starts = await sequence_starts(
        conn,
        workspace_id,
        {each.sequence.id for each in enrollments},
        planned=planned,
        terms=terms,
        since=since,
    )
    gap = await contact_gap(conn, workspace_id, ids, planned=ids, terms=terms, since=since)
    return Situation(
        enrollments,
        [terms.mailboxes[mailbox_id] for mailbox_id in sorted(serving)],
        now,
        taken=others,
        calendars={mailbox_id: terms.calendars.get(mailbox_id, []) for mailbox_id in serving},
        starts=starts,
        pulls_forward=scope.pulls_forward,
        contact_gap=gap,
    )


async def write_replan(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    ids: Collection[EnrollmentId],
    draft: Plan,
    *,
    now: datetime,
    recalculation_id: RecalculationId | None = None,
) -> Written:
    """Write what *draft* changes for the locked enrollments *ids*, and cancel what it leaves out."""
    cancelled = await cancel_left_out(conn, workspace_id, ids, now=now)
    written = await write_plan(conn, workspace_id, draft, now=now, recalculation_id=recalculation_id)
    await mark_displaced(conn, workspace_id, draft, now=now)
    written.cancelled = cancelled
    return written
