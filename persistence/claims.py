"""Claims: the dispatcher takes up what is due, mailbox by mailbox, and reserves each one's budget."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Interval, bindparam, column, func, literal_column, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gate import CONNECTIONS_PER_MAILBOX
from domain.ids import EmailId
from domain.keeping import LATE_AFTER
from domain.lifecycle import EMAIL, EmailEvent
from persistence.mailbox_loads import HIGHEST
from persistence.mailbox_rooms import BUSY, ROOM, TERMS
from persistence.statements import Statement
from persistence.tables import scheduled_emails
from persistence.transitions import transition


class Claimed(NamedTuple):
    """One email for the sender. *attempt* is the one that the message may begin."""

    email_id: EmailId
    mailbox_id: UUID
    attempt: int
    crashes: int
    # The time that it was planned for.
    send_at: datetime


class Claims(NamedTuple):
    """What was claimed; and what was claimed before and not yet begun, or begun, in all workspaces."""

    emails: Sequence[Claimed]
    queued: int
    begun: int


# One plan, whatever PostgreSQL knew of the tables when it made it: it expects next to nothing to be due, and
# would rather read and sort all of that, or read a table whole that was empty then.
_READ_IN_ORDER = Statement(
    text("""
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('plan_cache_mode', 'force_generic_plan', true)
""")
)
# Whose turn it is in each workspace; NULL where nothing may be sent, which may have something under way.
_TURNS = """
SELECT w.id AS workspace_id, w.planning_seed, (
    SELECT array_agg(DISTINCT q.priority ORDER BY q.priority DESC)
    FROM sequences AS q
    WHERE q.workspace_id = w.id AND q.status = 'ACTIVE' AND w.sending_paused_at IS NULL
) AS priorities
FROM workspaces AS w
"""
_MAY_SEND = """(
    w.priorities IS NOT NULL AND m.status = 'ACTIVE'
    AND (m.next_allowed_at IS NULL OR m.next_allowed_at <= :now)
    AND (m.host_rests_until IS NULL OR m.host_rests_until <= :now)
    AND (m.minimum_gap_s = 0 OR m.last_attempt_at IS NULL
        OR m.last_attempt_at + make_interval(secs => m.minimum_gap_s) <= :now)
)"""
# Mailboxes that may send or have something under way, those first that have not sent for longest. What they
# name is looked at here, once: for the room of each, and to count what is under way.
_BOXES = (
    text(f"""
WITH turns AS MATERIALIZED ({_TURNS})
SELECT {TERMS}, w.priorities, m.under_way <> '{{}}' AS has_names, {_MAY_SEND} AS may_send,
    m.ctid AS place, m.xmin AS version
FROM turns AS w
JOIN mailboxes AS m ON m.workspace_id = w.workspace_id
CROSS JOIN LATERAL ({BUSY}) AS busy
WHERE m.under_way <> '{{}}' OR {_MAY_SEND}
ORDER BY m.last_attempt_at NULLS FIRST, m.id
""")
    .bindparams(now=None)
    .columns()
    .cte("boxes")
)
_COUNTED = (
    text("""
SELECT CAST(coalesce(sum(queued), 0) AS int) AS queued,
    CAST(coalesce(sum(under_way - queued), 0) AS int) AS begun
FROM boxes
""")
    .columns(column("queued"), column("begun"))
    .cte("counted")
)
# Most have nothing due: the first entry of the index tells, before more is read. One that names something
# did so a moment ago: it is asked only where more costs much, to count rates or to look for each priority.
_SENDS_NOW = """(
    box.has_names AND cardinality(box.priorities) = 1
    AND coalesce(box.hourly_limit, box.sliding_window_limit, box.rolling_24h_limit) IS NULL
)"""
_DUE = """
SELECT true
FROM scheduled_emails AS e
WHERE e.mailbox_id = box.id AND e.is_first_touch IN (false, true)
    AND e.phase = 'OPEN' AND e.status = 'PENDING' AND e.send_at > :late_since AND e.send_at <= :now
LIMIT 1
"""
# The head of a mailbox: what is next for the contacts bound to it, by priority, follow-ups before first
# emails, by time and id. It is read one by one in the order of its index, and only as far as there is room:
# any number may be due behind that.
# Not before its wait, by the day on which the step before it really left, whether the planner has moved it
# already or not; where only the planner can count the days, not while it has still to look; and not what the
# gate has given back to it. OFFSET 0 looks up sequence and step by their ids: as long as there are few,
# PostgreSQL would rather read them all for each email.
_HEAD = """
SELECT head.place
FROM unnest(box.priorities) AS turn (priority)
CROSS JOIN LATERAL (
    SELECT e.ctid AS place
    FROM scheduled_emails AS e
    JOIN enrollments AS n
        ON n.id = e.enrollment_id AND n.status = 'ACTIVE' AND n.mailbox_id = e.mailbox_id
    CROSS JOIN LATERAL (
        SELECT * FROM sequences AS q WHERE q.workspace_id = e.workspace_id AND q.id = e.sequence_id OFFSET 0
    ) AS q
    CROSS JOIN LATERAL (
        SELECT * FROM steps AS s WHERE s.workspace_id = e.workspace_id AND s.id = e.step_id OFFSET 0
    ) AS s
    WHERE e.mailbox_id = box.id AND e.is_first_touch IN (false, true)
        AND e.phase = 'OPEN' AND e.status = 'PENDING' AND e.released_because IS NULL
        AND e.send_at > :late_since AND e.send_at <= :now
        AND q.status = 'ACTIVE' AND q.priority = turn.priority
        AND s.sequence_id = e.sequence_id AND s.position = n.next_position
        AND (n.last_window_day IS NULL OR e.window_day >= n.last_window_day + coalesce(s.wait_days, 0))
        AND (n.planned_at IS NOT NULL OR s.wait_working_days IS NULL
            AND (n.last_window_day IS NOT NULL OR n.held_for = interval '0'))
        AND (n.next_not_before IS NULL OR n.next_not_before <= :now)
    ORDER BY e.is_first_touch, e.send_at, e.id
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
SELECT e.ctid AS place, taken.mailbox_place, taken.day, taken.capacity, taken.under_way_ids
FROM (
    SELECT m.ctid AS mailbox_place, found.day, found.capacity, found.under_way_ids, found.places
    FROM (
        SELECT box.place AS mailbox_place, box.version, box.under_way_ids, room.day, room.capacity,
            head.places
        FROM boxes AS box
        CROSS JOIN LATERAL (
            SELECT room.*
            FROM (SELECT CAST(:now AS timestamptz) AS instant WHERE {_SENDS_NOW} OR ({_DUE})) AS at
            CROSS JOIN LATERAL ({ROOM}) AS room
            WHERE room.emails > 0
            OFFSET 0
        ) AS room
        CROSS JOIN LATERAL (SELECT ARRAY({_HEAD}) AS places OFFSET 0) AS head
        WHERE box.may_send AND box.under_way < {CONNECTIONS_PER_MAILBOX} AND cardinality(head.places) > 0
        OFFSET 0
    ) AS found
    JOIN mailboxes AS m ON m.ctid = found.mailbox_place AND m.xmin = found.version
    FOR NO KEY UPDATE OF m SKIP LOCKED
) AS taken
CROSS JOIN LATERAL unnest(taken.places) AS head (place)
JOIN scheduled_emails AS e ON e.ctid = head.place
LIMIT (SELECT greatest(0, least(:most, :most_queued - queued)) FROM counted)
FOR NO KEY UPDATE OF e SKIP LOCKED
""")
    .bindparams(now=None, late_since=None, most=None, most_queued=None)
    .columns(*map(column, ("place", "mailbox_place", "day", "capacity", "under_way_ids")))
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
        _HEADS.c.mailbox_place,
        _HEADS.c.day,
        _HEADS.c.capacity,
        _HEADS.c.under_way_ids,
    )
    .cte("queued")
)
_BY_MAILBOX = (
    text("""
SELECT workspace_id, mailbox_id, mailbox_place, day, capacity, under_way_ids, array_agg(id) AS ids
FROM queued GROUP BY workspace_id, mailbox_id, mailbox_place, day, capacity, under_way_ids
""")
    .columns()
    .cte("claimed")
)
# Named in its mailbox, which keeps its gap,
_NAMED = (
    text("""
UPDATE mailboxes AS m SET under_way = claimed.ids || claimed.under_way_ids,
    next_allowed_at = CASE
        WHEN m.minimum_gap_s > 0 THEN CAST(:now AS timestamptz) + make_interval(secs => m.minimum_gap_s)
        ELSE m.next_allowed_at
    END
FROM claimed WHERE m.ctid = claimed.mailbox_place
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
# In one row, which is cheaper to read than 500. It is NULL where nothing is due; and yet something may be
# under way.
_TAKEN = (
    text("""
SELECT array_agg(id) AS ids, array_agg(mailbox_id) AS mailbox_ids, array_agg(attempt + 1) AS attempts,
    array_agg(crashes) AS crashes, array_agg(send_at) AS send_ats
FROM (SELECT * FROM queued ORDER BY send_at, id) AS in_order
""")
    .columns(*map(column, ("ids", "mailbox_ids", "attempts", "crashes", "send_ats")))
    .cte("taken")
)
_CLAIM = Statement(
    select(*_COUNTED.c, *_TAKEN.c)
    .select_from(_COUNTED.join(_TAKEN, true()))
    .add_cte(_BOXES, _COUNTED, _HEADS, _QUEUED, _BY_MAILBOX, _NAMED, _CHARGED)
)


async def claim_due(
    conn: AsyncConnection, *, now: datetime, limit: int, most_queued: int, lease: timedelta
) -> Claims:
    """
    Take up at most *limit* due emails for business time *now*, and no more than leave *most_queued* claimed.

    Each mailbox gives as many as its day, hour, sliding window and gap allow, and their budget is reserved
    by the same statement, so that two dispatchers together cannot exceed it. What was not sent when *lease*
    ends, by the database's clock, is rescued.
    """
    await _READ_IN_ORDER.run(conn)
    (row,) = await _CLAIM.rows(
        conn, now=now, late_since=now - LATE_AFTER, most=limit, most_queued=most_queued, lease=lease
    )
    queued, begun, ids, *of_each = row
    return Claims([] if ids is None else list(map(Claimed, ids, *of_each)), queued, begun)
