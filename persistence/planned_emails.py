"""Writing a plan: new emails are copied in, changed ones moved, and every move has its cause."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId, RecalculationId, WorkspaceId
from domain.itineraries import Itinerary, MoveCause, PlannedEmail
from domain.plan import Plan, Shift
from persistence.bulk_rows import driver_of
from persistence.database import notify
from persistence.ids import uuid7s


@dataclass(frozen=True, slots=True)
class Move:
    """An email that had a time and was given another one, or none."""

    email_id: EmailId
    send_at: datetime | None
    cause: MoveCause


@dataclass(slots=True)
class Written:
    """What writing a plan did, in emails. *delays* are of the moved ones, negative where they gained."""

    placed: int = 0
    moves: list[Move] = field(default_factory=list)
    unchanged: int = 0
    infeasible: int = 0
    cancelled: int = 0
    delays: list[timedelta] = field(default_factory=list)

    @property
    def moved(self) -> int:
        return len(self.moves)

    @property
    def looked_at(self) -> int:
        return self.placed + self.moved + self.unchanged

    @property
    def median_delay_s(self) -> int | None:
        return round(median(each.total_seconds() for each in self.delays)) if self.delays else None

    @property
    def max_delay_s(self) -> int | None:
        return round(max(self.delays).total_seconds()) if self.delays else None


@dataclass(frozen=True, slots=True)
class Sorted:
    """
    A plan by what is done with its emails: the rows to copy in and to change, and the figures of both.

    *fresh* ones have no id yet.
    """

    written: Written
    fresh: list[tuple[Any, ...]]
    changed: list[tuple[Any, ...]]


def sort_plan(plan: Plan) -> Sorted:
    """Tell what *plan* changes from what it leaves alone; nothing is written."""
    found = Sorted(Written(), [], [])
    for itinerary in plan.itineraries:
        for email in itinerary.emails:
            _sort(itinerary, email, found)
    for shift in plan.shifts:
        found.written.moves.append(Move(shift.email_id, shift.send_at, MoveCause.NARROWER_WINDOW))
        found.changed.append(_shifted(shift))
    return found


async def write_plan(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    plan: Plan,
    *,
    now: datetime,
    recalculation_id: RecalculationId | None = None,
) -> Written:
    """
    Write what *plan* changes; the enrollments in it are locked by this transaction.

    An email that the dispatcher took up meanwhile is no longer pending, and stays as it is; its enrollment
    stays in the mailbox that it leaves from.
    """
    # The enrollments are PostgreSQL's work; a thread makes the rows of their emails meanwhile.
    found, _ = await asyncio.gather(
        asyncio.to_thread(sort_plan, plan), _mark_planned(conn, workspace_id, plan.itineraries, now=now)
    )
    await _insert_fresh(conn, workspace_id, found.fresh)
    await _move_changed(conn, workspace_id, found.changed, now=now, recalculation_id=recalculation_id)
    return found.written


def _sort(itinerary: Itinerary, email: PlannedEmail, found: Sorted) -> None:
    leg, slot, written = email.leg, email.slot, found.written
    written.infeasible += slot is None
    place = (
        slot.mailbox_id if slot else itinerary.mailbox_id,
        slot.send_at if slot else None,
        slot.window_day if slot else None,
        slot.send_day if slot else None,
        None if email.unplaced_reason is None else str(email.unplaced_reason),
    )
    if leg.email_id is None:
        written.placed += slot is not None
        is_first = email is itinerary.emails[0]
        found.fresh.append((itinerary.enrollment_id, leg.step_id, *place, is_first))
    elif slot is None or slot != leg.held:
        written.placed += slot is not None and leg.held is None
        if email.moved_because is not None:
            written.moves.append(Move(leg.email_id, slot.send_at if slot else None, email.moved_because))
            is_put_off = email.moved_because is not MoveCause.NARROWER_WINDOW
            if slot is not None and leg.held is not None and is_put_off:
                written.delays.append(slot.send_at - leg.held.send_at)
        found.changed.append(
            (leg.email_id, *place, None if email.moved_because is None else str(email.moved_because))
        )
    else:
        written.unchanged += 1


def _shifted(shift: Shift) -> tuple[Any, ...]:
    """A shift stays in its mailbox, window and days: only the instant changes."""
    return (shift.email_id, shift.mailbox_id, shift.send_at, None, None, None, str(MoveCause.NARROWER_WINDOW))


_FRESH = """
CREATE TEMPORARY TABLE fresh_emails (
    id uuid, enrollment_id uuid, step_id uuid, mailbox_id uuid, send_at timestamptz,
    window_day date, send_day date, unplaced_reason text, is_first boolean
) ON COMMIT DROP
"""
# An id is copied as the bytes that it is made of.
_FRESH_TYPES = ("bytea", "uuid", "uuid", "uuid", "timestamptz", "date", "date", "text", "bool")
# COPY straight into a table with row-level security is refused, whatever the role.
_INSERT = text("""
INSERT INTO scheduled_emails (
    id, workspace_id, sequence_id, enrollment_id, contact_id, step_id, mailbox_id,
    send_at, window_day, send_day, unplaced_reason, is_first_touch
)
SELECT fresh.id, n.workspace_id, n.sequence_id, n.id, n.contact_id, fresh.step_id, fresh.mailbox_id,
    fresh.send_at, fresh.window_day, fresh.send_day, fresh.unplaced_reason,
    fresh.is_first AND n.last_window_day IS NULL
FROM fresh_emails AS fresh
JOIN enrollments AS n ON n.id = fresh.enrollment_id AND n.workspace_id = :workspace_id
""")


async def _insert_fresh(
    conn: AsyncConnection, workspace_id: WorkspaceId, rows: Sequence[tuple[Any, ...]]
) -> None:
    if rows:
        new = ((email_id, *row) for email_id, row in zip(uuid7s(len(rows)), rows, strict=True))
        await _copy(conn, _FRESH, "fresh_emails", _FRESH_TYPES, new)
        await conn.execute(_INSERT, {"workspace_id": workspace_id})
        await conn.execute(text("DROP TABLE fresh_emails"))


_CHANGED = """
CREATE TEMPORARY TABLE changed_emails (
    id uuid, mailbox_id uuid, send_at timestamptz, window_day date, send_day date,
    unplaced_reason text, cause text
) ON COMMIT DROP
"""
_CHANGED_TYPES = ("uuid", "uuid", "timestamptz", "date", "date", "text", "text")
# Locked in the order of their ids, and recorded as they are then.
_RECORD = text("""
WITH held AS MATERIALIZED (
    SELECT e.workspace_id, e.id, e.send_at, e.mailbox_id,
        c.send_at AS to_send_at, c.mailbox_id AS to_mailbox_id, c.cause
    FROM scheduled_emails AS e JOIN changed_emails AS c ON c.id = e.id
    WHERE e.workspace_id = :workspace_id AND e.status = 'PENDING'
    ORDER BY e.id FOR NO KEY UPDATE OF e
)
INSERT INTO email_moves (
    workspace_id, email_id, from_send_at, to_send_at, from_mailbox_id, to_mailbox_id,
    cause, recalculation_id, at
)
SELECT workspace_id, id, send_at, to_send_at, mailbox_id, to_mailbox_id, cause, :recalculation_id, :now
FROM held WHERE cause IS NOT NULL
""")
_MOVE = text("""
UPDATE scheduled_emails AS e
SET mailbox_id = c.mailbox_id, send_at = c.send_at, unplaced_reason = c.unplaced_reason,
    window_day = CASE WHEN c.send_at IS NULL THEN NULL ELSE coalesce(c.window_day, e.window_day) END,
    send_day = CASE WHEN c.send_at IS NULL THEN NULL ELSE coalesce(c.send_day, e.send_day) END,
    released_because = NULL, is_set_by_hand = coalesce(c.cause = 'SET_BY_HAND', e.is_set_by_hand),
    updated_at = now()
FROM changed_emails AS c
WHERE e.id = c.id AND e.workspace_id = :workspace_id AND e.status = 'PENDING'
""")


# The follow-ups are given to the mailbox of that email by the planner; until then nothing of them is claimed.
_STAY = text("""
WITH taken AS (
    SELECT DISTINCT e.enrollment_id, e.mailbox_id
    FROM changed_emails AS c JOIN scheduled_emails AS e ON e.id = c.id
    WHERE e.workspace_id = :workspace_id AND e.status NOT IN ('PENDING', 'CANCELLED')
)
UPDATE enrollments AS n SET mailbox_id = taken.mailbox_id, planned_at = NULL, updated_at = now()
FROM taken
WHERE n.id = taken.enrollment_id AND n.workspace_id = :workspace_id
    AND n.mailbox_id IS DISTINCT FROM taken.mailbox_id
""")


async def _move_changed(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    rows: Sequence[tuple[Any, ...]],
    *,
    now: datetime,
    recalculation_id: RecalculationId | None,
) -> None:
    if not rows:
        return
    await _copy(conn, _CHANGED, "changed_emails", _CHANGED_TYPES, rows)
    scope = {"workspace_id": workspace_id}
    await conn.execute(_RECORD, scope | {"recalculation_id": recalculation_id, "now": now})
    moved = await conn.execute(_MOVE, scope)
    if moved.rowcount < len(rows) and (await conn.execute(_STAY, scope)).rowcount:
        await notify(conn, "plan")
    await conn.execute(text("DROP TABLE changed_emails"))


_BOUND = """
CREATE TEMPORARY TABLE planned_enrollments (
    id uuid, mailbox_id uuid, next_send_at timestamptz
) ON COMMIT DROP
"""
_BOUND_TYPES = ("uuid", "uuid", "timestamptz")
_MARK = text("""
UPDATE enrollments AS n
SET mailbox_id = p.mailbox_id, next_send_at = p.next_send_at,
    planned_at = coalesce(n.planned_at, :now), replanned_at = :now, updated_at = now()
FROM planned_enrollments AS p
WHERE n.id = p.id AND n.workspace_id = :workspace_id
    AND (n.planned_at IS NULL OR n.mailbox_id IS DISTINCT FROM p.mailbox_id
         OR n.next_send_at IS DISTINCT FROM p.next_send_at)
""")


async def _mark_planned(
    conn: AsyncConnection, workspace_id: WorkspaceId, itineraries: Iterable[Itinerary], *, now: datetime
) -> None:
    rows = [(each.enrollment_id, each.mailbox_id, _first_send_at(each)) for each in itineraries]
    if rows:
        await _copy(conn, _BOUND, "planned_enrollments", _BOUND_TYPES, rows)
        await conn.execute(_MARK, {"workspace_id": workspace_id, "now": now})
        await conn.execute(text("DROP TABLE planned_enrollments"))


def _first_send_at(itinerary: Itinerary) -> datetime | None:
    first = itinerary.emails[0] if itinerary.emails else None
    return first.slot.send_at if first is not None and first.slot is not None else None


async def _copy(
    conn: AsyncConnection, create: str, table: str, types: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """COPY *rows* into a temporary table of this transaction."""
    await conn.execute(text(create))
    query = f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()
    async with (await driver_of(conn)).cursor() as cursor, cursor.copy(query) as copy:
        copy.set_types(types)
        for row in rows:
            await copy.write_row(row)
