"""A rebalance before it is written: its figures, how full each day becomes, and whether it still holds."""

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import MailboxId, WorkspaceId
from domain.itineraries import UnplacedReason
from domain.lifecycle import SequenceStatus
from domain.plan import Plan
from domain.plan_changes import changes_digest, first_new_instant, load_changes
from domain.rebalances import Promise, RebalanceScope
from domain.recalculations import RecalculationCause
from persistence.collector import collector_paused
from persistence.leaving_emails import LeavingEmail, leaving_emails
from persistence.planned_emails import Written, sort_plan
from persistence.reading.mailboxes import mailboxes_by_id, planned_days
from persistence.refusals import NotInStatus, Noun, UnknownObject
from persistence.replan_scopes import ReplanRequest, ReplanScope, replan_scope
from persistence.replanning import read_replan
from persistence.tables import sequences


@dataclass(frozen=True, slots=True)
class Rebalance:
    """The plan of a rebalance as of an instant, and the pending emails that it cancels."""

    plan: Plan
    leaving: Collection[LeavingEmail]
    as_of: datetime

    @property
    def digest(self) -> bytes:
        return changes_digest(self.plan, cancelled=[email.id for email in self.leaving])

    def figures(self) -> Written:
        """What a recalculation would report of it."""
        figures = sort_plan(self.plan).written
        figures.cancelled = len(self.leaving)
        return figures

    def unplaced(self) -> Counter[UnplacedReason]:
        """How many emails would have no time, by reason."""
        emails = (email for itinerary in self.plan.itineraries for email in itinerary.emails)
        return Counter(email.unplaced_reason for email in emails if email.unplaced_reason is not None)

    def keeps(self, promise: Promise, *, now: datetime) -> bool:
        """Whether this is the plan of *promise*, and none of its new times has passed meanwhile."""
        first = first_new_instant(self.plan)
        is_ahead = self.as_of == now or first is None or first > now
        return is_ahead and self.digest == promise.digest


@dataclass(frozen=True, slots=True)
class DayLoad:
    """The emails that a mailbox has planned on one of its local days, before and after a rebalance."""

    mailbox_id: MailboxId
    day: date
    before: int
    after: int


async def preview_rebalance(
    conn: AsyncConnection, workspace_id: WorkspaceId, scope: RebalanceScope, *, now: datetime
) -> Rebalance:
    """Plan a rebalance of *scope* as of *now* by reading alone: without a lock, without a trace."""
    request = ReplanRequest(RecalculationCause.REBALANCE, scope)
    return await draft_rebalance(
        conn, workspace_id, await replan_scope(conn, workspace_id, [request], lock=False), now=now
    )


async def draft_rebalance(
    conn: AsyncConnection, workspace_id: WorkspaceId, scope: ReplanScope, *, now: datetime
) -> Rebalance:
    """The plan of those in *scope* as of *now*, and what it cancels."""
    with collector_paused():
        planning = await read_replan(conn, workspace_id, scope, now=now)
        # PostgreSQL looks for these while the plan is made.
        plan, leaving = await asyncio.gather(
            asyncio.to_thread(planning), leaving_emails(conn, workspace_id, scope.ids, ending=scope.ending)
        )
    return Rebalance(plan, leaving, now)


async def day_loads(
    conn: AsyncConnection, workspace_id: WorkspaceId, rebalance: Rebalance, *, most: int
) -> tuple[list[DayLoad], int]:
    """The first *most* days that become fuller or emptier, soonest first; and how many there are in all."""
    cancelled = [
        (email.mailbox_id, email.send_day)
        for email in rebalance.leaving
        if email.mailbox_id is not None and email.send_day is not None
    ]
    changes = load_changes(rebalance.plan, cancelled=cancelled)
    shown = sorted(changes, key=lambda mailbox_day: (mailbox_day[1], mailbox_day[0]))[:most]
    if not shown:
        return [], 0
    rows = await planned_days(conn, workspace_id, [(mailbox_id, day, day) for mailbox_id, day in shown])
    before = {(row.mailbox_id, row.day): row.planned for row in rows}
    loads = [
        DayLoad(*each, before=before.get(each, 0), after=before.get(each, 0) + changes[each])
        for each in shown
    ]
    return loads, len(changes)


async def check_scope(conn: AsyncConnection, workspace_id: WorkspaceId, scope: RebalanceScope) -> None:
    """
    Make sure that there is what *scope* names, without locking it.

    Raises:
        UnknownObject: The workspace lacks the sequence, or one of the mailboxes.
        NotInStatus: The sequence is archived.
    """
    if scope.sequence_id is not None:
        status = await conn.scalar(
            select(sequences.c.status).where(
                sequences.c.workspace_id == workspace_id, sequences.c.id == scope.sequence_id
            )
        )
        if status is None:
            raise UnknownObject(Noun.SEQUENCE, [scope.sequence_id])
        if status == SequenceStatus.ARCHIVED:
            raise NotInStatus(Noun.SEQUENCE, status)
    found = {row.id for row in await mailboxes_by_id(conn, workspace_id, scope.mailbox_ids)}
    if missing := set(scope.mailbox_ids) - found:
        raise UnknownObject(Noun.MAILBOX, missing)
