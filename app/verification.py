"""The verification of an installation: its promises, looked up in its rows and in a server's own log."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.captured_mail import read_log
from domain.ids import EnrollmentId, WorkspaceId
from domain.itineraries import MoveCause
from persistence.audit import NAMED, PROMISES, STATES, Breach, breach_of
from persistence.database import Database
from persistence.planned_emails import sort_plan
from persistence.replan_scopes import ReplanScope
from persistence.replanning import draft_replan
from persistence.tables import email_events, enrollments, recalculations, scheduled_emails, workspaces
from persistence.window_audit import left_outside_window

_OfWorkspace = Callable[[AsyncConnection, WorkspaceId], Awaitable[Breach]]


@dataclass(frozen=True, slots=True)
class Verified:
    """One promise: what it says, and what breaks it."""

    name: str
    words: str
    breach: Breach


async def verify(
    database: Database, *, now: datetime, against: Path | None = None
) -> AsyncIterator[Verified]:
    """
    Check every promise over all workspaces, each in a statement or snapshot of its own.

    *now* is business time. With *against*, the log of a capture server, also that it received what is sent.
    """
    for promise in PROMISES:
        async with database.transaction() as conn:
            yield Verified(promise.name, promise.words, await breach_of(conn, promise))
    async with database.transaction() as conn:
        everyone = [WorkspaceId(each) for each in await conn.scalars(select(workspaces.c.id))]
    yield Verified(
        "window",
        "emails left while their sequence's window was open, since that was last changed",
        await _over(database, everyone, left_outside_window),
    )
    yield Verified(
        "settled plan",
        "planning again what is planned moves nothing",
        await _over(database, everyone, lambda conn, each: _moved_again(conn, each, now=now)),
    )
    if against is not None:
        async with database.transaction() as conn:
            yield Verified(
                "the server's word",
                "the server's log has every email that is sent, and every email once",
                await _differing(conn, against),
            )


async def states(database: Database) -> dict[str, int]:
    """How many emails there are in every status that any has."""
    async with database.transaction() as conn:
        return {row.status: row.emails for row in await conn.execute(STATES)}


async def _over(database: Database, workspace_ids: Sequence[WorkspaceId], check: _OfWorkspace) -> Breach:
    count = 0
    first: list[str] = []
    for workspace_id in workspace_ids:
        async with database.snapshot(workspace_id) as conn:
            breach = await check(conn, workspace_id)
        count += breach.count
        first += breach.first
    return Breach(count, tuple(first[:NAMED]))


async def _moved_again(conn: AsyncConnection, workspace_id: WorkspaceId, *, now: datetime) -> Breach:
    """What a replan would move although nothing waits for one; time that passed is no reason."""
    waiting = select(recalculations.c.id).where(
        recalculations.c.workspace_id == workspace_id, recalculations.c.status.in_(["PENDING", "RUNNING"])
    )
    if (await conn.execute(waiting.limit(1))).first() is not None:
        return Breach(0, ())
    planned = await conn.scalars(
        select(enrollments.c.id).where(
            enrollments.c.workspace_id == workspace_id,
            enrollments.c.status == "ACTIVE",
            enrollments.c.planned_at.is_not(None),
        )
    )
    scope = ReplanScope([EnrollmentId(each) for each in planned], is_locked=False)
    plan = await draft_replan(conn, workspace_id, scope, now=now)
    moved = [move for move in sort_plan(plan).written.moves if move.cause is not MoveCause.LATE]
    return Breach(len(moved), tuple(str(move.email_id) for move in moved[:NAMED]))


async def _differing(conn: AsyncConnection, log: Path) -> Breach:
    """
    Message-IDs that the log has too often, or not although they are sent, or although they never left.

    Once is enough; one email that was sent again in doubt may have arrived as often again.
    """
    resends = (
        select(func.count())
        .where(email_events.c.email_id == scheduled_emails.c.id, email_events.c.kind == "RESEND")
        .scalar_subquery()
    )
    received = Counter(each.message_id for each in read_log(log)[0])
    rows = await conn.execute(
        select(scheduled_emails.c.message_id, scheduled_emails.c.status, resends.label("resends")).where(
            scheduled_emails.c.message_id.is_not(None)
        )
    )
    status_of: dict[str, str] = {}
    most: dict[str, int] = {}
    for message_id, status, count in rows:
        status_of[message_id], most[message_id] = status, 1 + count
    often = [each for each, times in received.items() if times > most.get(each, 1)]
    missing = [each for each, status in status_of.items() if status == "SENT" and each not in received]
    unknown = [each for each in received if status_of.get(each) not in ("SENT", "IN_DOUBT", "COMMITTING")]
    differing = [*often, *missing, *unknown]
    return Breach(len(differing), tuple(differing[:NAMED]))
