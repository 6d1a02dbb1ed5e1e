"""Progress: where enrollments stand after something of theirs was settled, and who has arrived."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, EmailId, EnrollmentId, SequenceId, WorkspaceId
from domain.lifecycle import EnrollmentEvent
from persistence.arrays import among
from persistence.database import notify
from persistence.sequences import complete_sequences
from persistence.statements import Statement
from persistence.stops import end_enrollments
from persistence.tables import enrollments
from persistence.under_way import IS_UNDER_WAY
from persistence.working_day_waits import reopen_hurried

# Of emails e: those that were begun or taken out, and those that were settled; the last one first.
_OUT = "(e.status NOT IN ('PENDING', 'CANCELLED') OR e.is_skipped)"
_SETTLED = "e.status IN ('SENT', 'IN_DOUBT', 'FAILED')"
_LAST_FIRST = "coalesce(e.sent_at, e.last_attempt_at) DESC NULLS FIRST, e.id DESC"
# Where an enrollment n stands. All its emails are read at once, and only once.
# - `step_ids` were begun or taken out. `passed` is the position of the step that left last, `awaited` that of
#   one on its way, or in doubt in a mailbox that waits for its settling.
# - Of the email that was settled last: `position`, `window_day`, when it left (`left_at`), and the instant
#   that waits in minutes count from, that of a failure too (`settled_at`).
# - Of what is planned: the first `next_send_at`; and the last day and instant at which the step before it may
#   have been settled (`day_due`, `instant_due`).
STAND = f"""
LATERAL (
    SELECT coalesce(array_agg(e.step_id) FILTER (WHERE {_OUT}), '{{}}') AS step_ids,
        (array_agg(s.position ORDER BY {_LAST_FIRST})
            FILTER (WHERE {_OUT} AND s.position IS NOT NULL AND NOT e.is_skipped))[1] AS passed,
        min(s.position) FILTER (
            WHERE {IS_UNDER_WAY} OR e.status = 'RETRYING' OR (e.status = 'IN_DOUBT' AND (
                SELECT m.in_doubt_policy <> 'ASSUME_SENT' FROM mailboxes AS m WHERE m.id = e.mailbox_id
            ))
        ) AS awaited,
        (array_agg(s.position ORDER BY {_LAST_FIRST}) FILTER (WHERE {_SETTLED}))[1] AS position,
        (array_agg(e.window_day ORDER BY {_LAST_FIRST}) FILTER (WHERE {_SETTLED}))[1] AS window_day,
        (array_agg(CASE WHEN e.status <> 'FAILED' THEN coalesce(e.sent_at, e.committing_at) END
            ORDER BY {_LAST_FIRST}) FILTER (WHERE {_SETTLED}))[1] AS left_at,
        (array_agg(coalesce(e.sent_at, e.committing_at, e.last_attempt_at) ORDER BY {_LAST_FIRST})
            FILTER (WHERE {_SETTLED}))[1] AS settled_at,
        min(e.send_at) FILTER (WHERE e.status = 'PENDING') AS next_send_at,
        min(e.window_day - s.wait_days)
            FILTER (WHERE e.status = 'PENDING' AND s.position IS NOT NULL) AS day_due,
        min(e.send_at - make_interval(mins => s.wait_minutes))
            FILTER (WHERE e.status = 'PENDING' AND s.position IS NOT NULL) AS instant_due
    FROM scheduled_emails AS e
    JOIN steps AS s ON s.id = e.step_id
    WHERE e.enrollment_id = n.id
) AS stood ON true
"""
# The one rule for what comes next: while an email of a live step is on its way, or is in doubt in a mailbox
# that waits for its settling, that step; else the first one, in today's order, behind the one that left last,
# so that a step moved or put in front of it is passed; never one that left before, or that somebody took out.
# NULL when nothing is left to send.
NEXT_POSITION = """
coalesce(stood.awaited, (
    SELECT min(s.position) FROM steps AS s
    WHERE s.sequence_id = n.sequence_id AND s.position > coalesce(stood.passed, 0)
        AND s.id <> ALL (stood.step_ids)
))
"""

_LOCK_CONTACTS = text("""
SELECT count(*) FROM (
    SELECT FROM contacts WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
) AS locked
""")
# Enrollments before emails, which is the order of the columns.
_LOCK_ENROLLMENTS = Statement(
    text("""
SELECT (SELECT count(*) FROM (
    SELECT FROM enrollments
    WHERE id = ANY(CAST(:ids AS uuid[]))
        OR (contact_id = ANY(CAST(:contact_ids AS uuid[])) AND status IN ('ACTIVE', 'PAUSED'))
    ORDER BY id FOR NO KEY UPDATE
) AS locked), (SELECT count(*) FROM (
    SELECT FROM scheduled_emails WHERE id = ANY(CAST(:email_ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
) AS locked)
""")
)


async def lock_contacts(conn: AsyncConnection, ids: Collection[ContactId]) -> None:
    """Lock *ids* before their enrollments, for one that is to be stopped."""
    if ids:
        await conn.execute(_LOCK_CONTACTS, {"ids": list(ids)})


async def lock_enrollments(
    conn: AsyncConnection,
    ids: Collection[EnrollmentId],
    *,
    of_contacts: Collection[ContactId] = (),
    email_ids: Collection[EmailId] = (),
) -> None:
    """Lock *ids* and all open ones of *of_contacts*, then *email_ids*, in the order that everyone keeps."""
    await _LOCK_ENROLLMENTS.run(conn, ids=list(ids), contact_ids=list(of_contacts), email_ids=list(email_ids))


# Materialized, as what is asked for in two places would be worked out twice.
_ADVANCE = Statement(
    text(f"""
WITH stand AS MATERIALIZED (
    SELECT n.id, {NEXT_POSITION} AS next_position, stood.position, stood.window_day,
        stood.left_at, stood.settled_at, stood.next_send_at,
        coalesce(stood.day_due < stood.window_day, false)
            OR coalesce(stood.instant_due < stood.settled_at, false) AS is_behind,
        EXISTS (
            SELECT FROM steps AS s WHERE s.sequence_id = n.sequence_id AND s.wait_working_days IS NOT NULL
        ) AS counts_working_days
    FROM enrollments AS n JOIN {STAND}
    WHERE n.id = ANY(CAST(:ids AS uuid[])) AND n.status IN ('ACTIVE', 'PAUSED')
)
UPDATE enrollments AS n
SET started_at = coalesce(n.started_at, stand.left_at),
    current_step = coalesce(stand.position, n.current_step),
    last_window_day = coalesce(stand.window_day, n.last_window_day),
    held_for = '0',
    next_position = coalesce(stand.next_position, n.next_position),
    next_not_before = (
        SELECT stand.settled_at + make_interval(mins => s.wait_minutes) FROM steps AS s
        WHERE s.sequence_id = n.sequence_id AND s.position = stand.next_position
    ),
    next_send_at = stand.next_send_at,
    -- What left later than planned pushes what follows: the planner looks at it again.
    planned_at = CASE WHEN stand.is_behind THEN NULL ELSE n.planned_at END,
    updated_at = now()
FROM stand
WHERE n.id = stand.id
RETURNING n.id, n.workspace_id, n.sequence_id, stand.next_position IS NULL AS has_arrived, stand.is_behind,
    stand.counts_working_days
""")
)


async def go_on(conn: AsyncConnection, ids: Collection[EnrollmentId], *, now: datetime) -> None:
    """
    Bring the locked, open enrollments *ids* to their next step after an email of theirs was settled.

    Those that have nothing left to send are complete, and so is a sequence with nobody on the way.
    """
    if not ids:
        return
    rows = await _ADVANCE.rows(conn, ids=list(ids))
    counting = [EnrollmentId(row.id) for row in rows if row.counts_working_days]
    is_hurried = await reopen_hurried(conn, counting) if counting else False
    if is_hurried or any(row.is_behind for row in rows):
        await notify(conn, "plan")
    await _arrive(conn, [row for row in rows if row.has_arrived], now=now)


_PASS_OVER = text(f"""
WITH stand AS (
    SELECT n.id, {NEXT_POSITION} AS next_position, stood.settled_at, stood.next_send_at
    FROM enrollments AS n JOIN {STAND}
    WHERE n.id = :id AND n.status IN ('ACTIVE', 'PAUSED')
)
UPDATE enrollments AS n
SET next_position = coalesce(stand.next_position, n.next_position),
    next_not_before = greatest(n.next_not_before, (
        SELECT stand.settled_at + make_interval(mins => s.wait_minutes) FROM steps AS s
        WHERE s.sequence_id = n.sequence_id AND s.position = stand.next_position
    )),
    next_send_at = stand.next_send_at, version = n.version + 1, updated_at = now()
FROM stand
WHERE n.id = stand.id
RETURNING n.id, n.workspace_id, n.sequence_id, stand.next_position IS NULL AS has_arrived
""")
_STEP_BACK = text(f"""
WITH stand AS (
    SELECT n.id, {NEXT_POSITION} AS next_position, stood.position, stood.window_day, stood.settled_at
    FROM enrollments AS n JOIN {STAND}
    WHERE n.id = :id AND n.status IN ('ACTIVE', 'PAUSED')
)
UPDATE enrollments AS n
SET next_position = coalesce(stand.next_position, n.next_position),
    current_step = coalesce(stand.position, 0),
    last_window_day = stand.window_day,
    next_not_before = (
        SELECT stand.settled_at + make_interval(mins => s.wait_minutes) FROM steps AS s
        WHERE s.sequence_id = n.sequence_id AND s.position = stand.next_position
    ),
    planned_at = NULL, version = n.version + 1, updated_at = now()
FROM stand
WHERE n.id = stand.id
""")


async def pass_over(conn: AsyncConnection, enrollment_id: EnrollmentId, *, now: datetime) -> None:
    """
    Bring the locked enrollment to its next step after one of its emails was taken out; its plan stays.

    It is complete if nothing is left to send.
    """
    rows = (await conn.execute(_PASS_OVER, {"id": enrollment_id})).all()
    await _arrive(conn, [row for row in rows if row.has_arrived], now=now)


async def step_back(conn: AsyncConnection, enrollment_id: EnrollmentId) -> None:
    """Bring the locked enrollment back to an email that is to be tried anew; the planner looks at it."""
    await conn.execute(_STEP_BACK, {"id": enrollment_id})
    await notify(conn, "plan")


# Any: rows of enrollments with the ids of what they belong to.
async def _arrive(conn: AsyncConnection, arrived: Sequence[Row[Any]], *, now: datetime) -> None:
    """Complete enrollments that have nothing left to send, and sequences with nobody on the way."""
    for workspace_id in sorted({WorkspaceId(row.workspace_id) for row in arrived}):
        here = [row for row in arrived if row.workspace_id == workspace_id]
        await end_enrollments(
            conn,
            workspace_id=workspace_id,
            matching=among(enrollments.c.id, [row.id for row in here]),
            event=EnrollmentEvent.COMPLETE,
            now=now,
        )
        left = {SequenceId(row.sequence_id) for row in here}
        await complete_sequences(conn, workspace_id, now=now, among_ids=left)


_LEFT_BEHIND = text("""
SELECT DISTINCT q.workspace_id FROM sequences AS q
WHERE q.status = 'ACTIVE'
    AND EXISTS (SELECT FROM enrollments AS n WHERE n.sequence_id = q.id)
    AND NOT EXISTS (
        SELECT FROM enrollments AS n WHERE n.sequence_id = q.id AND n.status IN ('ACTIVE', 'PAUSED')
    )
""")


async def complete_left_behind(conn: AsyncConnection, *, now: datetime) -> list[SequenceId]:
    """
    Complete the sequences whose last enrollments ended at the same time, in all workspaces.

    Each of two such transactions still saw the other's enrollment open.
    """
    completed: list[SequenceId] = []
    for workspace_id in sorted(await conn.scalars(_LEFT_BEHIND)):
        completed.extend(await complete_sequences(conn, WorkspaceId(workspace_id), now=now))
    return completed
