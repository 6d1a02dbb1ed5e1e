"""Claims: the dispatcher takes up what is due, mailbox by mailbox, and reserves each one's budget."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Interval, bindparam, column, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId
from domain.keeping import LATE_AFTER
from domain.lifecycle import EMAIL, EmailEvent
from persistence.mailbox_loads import HIGHEST
from persistence.mailbox_rooms import ROOM, TERMS
from persistence.statements import Statement
from persistence.tables import scheduled_emails
from persistence.transitions import transition
from persistence.under_way import UNDER_WAY


class Claimed(NamedTuple):
    """One email for the sender. *attempt* is the one that the message may begin."""

    email_id: EmailId
    mailbox_id: UUID
    attempt: int
    crashes: int
    # The time that it was planned for.
    send_at: datetime


# One plan, whatever PostgreSQL knew of the tables when it made it: it expects next to nothing to be due, and
# would rather read and sort all of that, or read a table whole that was empty then.
_READ_IN_ORDER = Statement(
    text("""
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('plan_cache_mode', 'force_generic_plan', true)
""")
)
# Whose turn it is in each workspace: by priority, follow-ups before first emails.
_TURNS = """
SELECT w.id AS workspace_id, w.planning_seed,
    array_agg(q.priority ORDER BY q.priority DESC, kind.is_first_touch) AS priorities,
    array_agg(kind.is_first_touch ORDER BY q.priority DESC, kind.is_first_touch) AS first_touches
FROM workspaces AS w
JOIN (SELECT DISTINCT workspace_id, priority FROM sequences WHERE status = 'ACTIVE') AS q
    ON q.workspace_id = w.id
CROSS JOIN (VALUES (false), (true)) AS kind (is_first_touch)
WHERE w.sending_paused_at IS NULL
GROUP BY w.id
"""
# Mailboxes that may send, those first that have not sent for longest.
_BOXES = f"""
SELECT {TERMS}, w.priorities, w.first_touches, m.ctid AS place, m.xmin AS version
FROM turns AS w JOIN mailboxes AS m ON m.workspace_id = w.workspace_id
WHERE m.status = 'ACTIVE'
    AND (m.next_allowed_at IS NULL OR m.next_allowed_at <= :now)
    AND (m.host_rests_until IS NULL OR m.host_rests_until <= :now)
    AND (m.minimum_gap_s = 0 OR m.last_attempt_at IS NULL
        OR m.last_attempt_at + make_interval(secs => m.minimum_gap_s) <= :now)
ORDER BY m.last_attempt_at NULLS FIRST, m.id
OFFSET 0
"""
# Most have nothing due: the first entry of the index tells.
_DUE = """
SELECT e.send_at
FROM scheduled_emails AS e
WHERE e.mailbox_id = box.id AND e.is_first_touch IN (false, true)
    AND e.phase = 'OPEN' AND e.status = 'PENDING' AND e.send_at > :late_since AND e.send_at <= :now
LIMIT 1
"""
# The head of a mailbox: what is next for the contacts bound to it, turn by turn, by time and id. It is read
# one by one in the order of its index, and only as far as there is room: any number may be due behind that.
# Not before its wait, by the day on which the step before it really left, whether the planner has moved it
# already or not; where only the planner can count the days, not while it has still to look; and not what the
# gate has given back to it.
_HEAD = """
SELECT head.place
FROM unnest(box.priorities, box.first_touches) AS turn (priority, is_first_touch)
CROSS JOIN LATERAL (
    SELECT e.ctid AS place
    FROM scheduled_emails AS e
    JOIN enrollments AS n
        ON n.id = e.enrollment_id AND n.status = 'ACTIVE' AND n.mailbox_id = e.mailbox_id
    JOIN sequences AS q ON q.id = e.sequence_id AND q.status = 'ACTIVE' AND q.priority = turn.priority
    JOIN steps AS s
        ON s.id = e.step_id AND s.sequence_id = e.sequence_id AND s.position = n.next_position
    WHERE e.mailbox_id = box.id AND e.is_first_touch = turn.is_first_touch
        AND e.phase = 'OPEN' AND e.status = 'PENDING' AND e.released_because IS NULL
        AND e.send_at > :late_since AND e.send_at <= :now
        AND (n.last_window_day IS NULL OR e.window_day >= n.last_window_day + coalesce(s.wait_days, 0))
        AND (n.planned_at IS NOT NULL OR s.wait_working_days IS NULL
            AND (n.last_window_day IS NOT NULL OR n.held_for = interval '0'))
        AND (n.next_not_before IS NULL OR n.next_not_before <= :now)
    ORDER BY e.send_at, e.id
    LIMIT room.emails
) AS head
LIMIT room.emails
"""
# One after the other, and no further than there is something to find; in the order of the mailboxes.
# All of it is as it was when the statement began. So it is taken only of a mailbox whose row is still the one
# that was read: whoever adds to what it has under way, or to its day, writes that row under its lock. What
# was written meanwhile is left for the next claim, and so is what others have locked: nobody waits. Not FOR
# UPDATE, which the foreign keys of a plan that is being written would wait for.
_HEADS = (
    text(f"""
WITH turns AS MATERIALIZED ({_TURNS})
SELECT e.ctid AS place, found.day, found.capacity, found.under_way
FROM (
    SELECT box.place AS mailbox_place, box.version, head.place, room.day, room.capacity, room.under_way
    FROM ({_BOXES}) AS box
    CROSS JOIN LATERAL ({_DUE}) AS due
    CROSS JOIN LATERAL (
        SELECT room.*
        FROM (SELECT CAST(:now AS timestamptz) AS instant WHERE due.send_at IS NOT NULL) AS at
        CROSS JOIN LATERAL ({ROOM}) AS room
        WHERE room.emails > 0
        OFFSET 0
    ) AS room
    CROSS JOIN LATERAL ({_HEAD}) AS head
    OFFSET 0
) AS found
JOIN mailboxes AS m ON m.ctid = found.mailbox_place AND m.xmin = found.version
JOIN scheduled_emails AS e ON e.ctid = found.place
LIMIT :most
FOR NO KEY UPDATE OF m, e SKIP LOCKED
""")
    .bindparams(now=None, late_since=None, most=None)
    .columns(column("place"), column("day"), column("capacity"), column("under_way"))
    .cte("heads")
)
_columns = scheduled_emails.c
# Each on the day that pays for it.
_QUEUED = (
    transition(EMAIL, scheduled_emails, EmailEvent.CLAIM)
    .where(literal_column("scheduled_emails.ctid") == _HEADS.c.place)
    .values(
        quota_day=_HEADS.c.day,
        lease_until=func.clock_timestamp() + bindparam("lease", None, Interval()),
    )
    .returning(
        _columns.id,
        _columns.workspace_id,
        _columns.mailbox_id,
        _columns.attempt,
        _columns.crashes,
        _columns.send_at,
        _HEADS.c.day,
        _HEADS.c.capacity,
        _HEADS.c.under_way,
    )
    .cte("queued")
)
_BY_MAILBOX = (
    text("""
SELECT workspace_id, mailbox_id, day, capacity, under_way, array_agg(id) AS ids
FROM queued GROUP BY workspace_id, mailbox_id, day, capacity, under_way
""")
    .columns()
    .cte("claimed")
)
# Named in its mailbox, which keeps its gap,
_NAMED = (
    text("""
UPDATE mailboxes AS m SET under_way = claimed.ids || claimed.under_way,
    next_allowed_at = CASE
        WHEN m.minimum_gap_s > 0 THEN CAST(:now AS timestamptz) + make_interval(secs => m.minimum_gap_s)
        ELSE m.next_allowed_at
    END
FROM claimed WHERE m.id = claimed.mailbox_id
""")
    .bindparams(now=None)
    .columns()
    .cte("named")
)
# and charged to today: days are locked in one order by everyone.
_CHARGED = (
    text(f"""
INSERT INTO mailbox_days AS d (workspace_id, mailbox_id, day, capacity, used)
SELECT workspace_id, mailbox_id, day, capacity, cardinality(ids) FROM claimed ORDER BY mailbox_id, day
ON CONFLICT (mailbox_id, day) DO UPDATE
SET capacity = {HIGHEST.format(given="excluded")}, used = d.used + excluded.used, updated_at = now()
""")
    .columns()
    .cte("charged")
)
_CLAIM = Statement(
    select(
        _QUEUED.c.id,
        _QUEUED.c.mailbox_id,
        _QUEUED.c.attempt + 1,
        _QUEUED.c.crashes,
        _QUEUED.c.send_at,
    )
    .order_by(_QUEUED.c.send_at, _QUEUED.c.id)
    .add_cte(_QUEUED, _BY_MAILBOX, _NAMED, _CHARGED)
)


async def claim_due(conn: AsyncConnection, *, now: datetime, limit: int, lease: timedelta) -> list[Claimed]:
    """
    Take up at most *limit* due emails for business time *now*; empty when there are none.

    Each mailbox gives as many as its day, hour, sliding window and gap allow, and their budget is reserved
    by the same statement, so that two dispatchers together cannot exceed it. What was not sent when *lease*
    ends, by the database's clock, is rescued.
    """
    await _READ_IN_ORDER.run(conn)
    rows = await _CLAIM.rows(conn, now=now, late_since=now - LATE_AFTER, most=limit, lease=lease)
    return list(map(Claimed._make, rows))


_UNDER_WAY = Statement(
    text(f"""
SELECT count(*) FILTER (WHERE e.status = 'QUEUED') AS queued,
    count(*) FILTER (WHERE e.status <> 'QUEUED') AS begun
FROM {UNDER_WAY} AS e
""")
)


async def count_under_way(conn: AsyncConnection) -> tuple[int, int]:
    """Emails that are claimed and not yet begun, and that are being sent, in all workspaces."""
    (row,) = await _UNDER_WAY.rows(conn)
    return row.queued, row.begun
