"""Claims: the dispatcher takes up what is due, mailbox by mailbox, and reserves each one's budget."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Interval, bindparam, column, func, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gate import CONNECTIONS_PER_MAILBOX, MailboxLoad
from domain.ids import EmailId, WorkspaceId
from domain.keeping import LATE_AFTER
from domain.lifecycle import EMAIL, EmailEvent
from persistence.mailbox_loads import DayCount, count_on_days, read_loads
from persistence.statements import Statement
from persistence.tables import scheduled_emails
from persistence.transitions import transition
from persistence.under_way import IS_UNDER_WAY, NAMED, UNDER_WAY, paired


class Claimed(NamedTuple):
    """One email for the sender. *attempt* is the one that the message may begin."""

    email_id: EmailId
    workspace_id: WorkspaceId
    mailbox_id: UUID
    attempt: int
    crashes: int
    # The time that it was planned for.
    send_at: datetime


# PostgreSQL thinks that next to nothing is due, and would rather read and sort all of it than read in order.
_READ_IN_ORDER = Statement(text("SELECT set_config('enable_bitmapscan', 'off', true)"))
_MAY_SEND = """m.status = 'ACTIVE' AND m.id <> ALL (CAST(:asked AS uuid[]))
    AND (m.next_allowed_at IS NULL OR m.next_allowed_at <= :now)
    AND (m.host_rests_until IS NULL OR m.host_rests_until <= :now)"""
# Mailboxes with something due, those first that have not sent for longest, shared out between dispatchers:
# skipping what is locked, nobody waits in this order. Not FOR UPDATE, which the foreign keys of a plan that
# is being written would wait for. Those that are busy are not even locked, as most are when it matters: their
# senders need them. They are looked at in their order, as far as there are enough; what is locked is as it is
# then, so it is asked again whether it may send.
_MAILBOXES_DUE = Statement(
    text(f"""
SELECT m.id, m.workspace_id
FROM (
    SELECT m.id, m.under_way FROM mailboxes AS m
    WHERE {_MAY_SEND} AND NOT EXISTS (
        SELECT FROM workspaces AS w WHERE w.id = m.workspace_id AND w.sending_paused_at IS NOT NULL
    )
    ORDER BY m.last_attempt_at NULLS FIRST, m.id
    OFFSET 0
) AS box
CROSS JOIN LATERAL (
    SELECT FROM (VALUES (false), (true)) AS kind (is_first_touch)
    CROSS JOIN LATERAL (
        SELECT FROM scheduled_emails AS e
        WHERE e.mailbox_id = box.id AND e.is_first_touch = kind.is_first_touch
            AND e.phase = 'OPEN' AND e.status = 'PENDING' AND e.send_at > :late_since AND e.send_at <= :now
        ORDER BY e.send_at, e.id LIMIT 1
    ) AS head
    LIMIT 1
) AS due
JOIN mailboxes AS m ON m.id = box.id AND {_MAY_SEND}
WHERE (cardinality(box.under_way) < :connections OR (
    SELECT count(*) FROM scheduled_emails AS e WHERE e.id = ANY (box.under_way)
        AND e.mailbox_id = box.id AND {IS_UNDER_WAY}
) < :connections)
LIMIT :most
FOR NO KEY UPDATE OF m SKIP LOCKED
""")
)

# The head of each mailbox: what is next for the contacts bound to it, by priority, follow-ups before first
# emails, by time and id. Such turns are read one by one in the order of their index, and only as far as there
# is room, as any number may be due behind that; rows of a LATERAL come in the order of those in front of it.
# Not before its wait, by the day on which the step before it really left, whether the planner has moved it
# already or not; where only the planner can count the days, not while it has still to look; and not what the
# gate has given back to it.
_columns = scheduled_emails.c
# Each is given with every claim, and none has a value yet.
_ASKED = ("workspace_ids", "mailbox_ids", "rooms", "days", "now", "late_since", "most")
_HEADS = (
    text("""
WITH turns AS MATERIALIZED (
    SELECT workspace_id, array_agg(priority ORDER BY priority DESC, is_first_touch) AS priorities,
        array_agg(is_first_touch ORDER BY priority DESC, is_first_touch) AS first_touches
    FROM (
        SELECT DISTINCT q.workspace_id, q.priority, kind.is_first_touch
        FROM sequences AS q CROSS JOIN (VALUES (false), (true)) AS kind (is_first_touch)
        WHERE q.workspace_id = ANY(CAST(:workspace_ids AS uuid[])) AND q.status = 'ACTIVE'
    ) AS kinds
    GROUP BY workspace_id
)
SELECT due.id, box.day
FROM unnest(
    CAST(:mailbox_ids AS uuid[]), CAST(:workspace_ids AS uuid[]), CAST(:rooms AS int[]), CAST(:days AS date[])
) AS box (mailbox_id, workspace_id, room, day)
JOIN turns ON turns.workspace_id = box.workspace_id
CROSS JOIN LATERAL (
    SELECT head.id
    FROM unnest(turns.priorities, turns.first_touches) AS turn (priority, is_first_touch)
    CROSS JOIN LATERAL (
        SELECT e.id
        FROM scheduled_emails AS e
        JOIN enrollments AS n
            ON n.id = e.enrollment_id AND n.status = 'ACTIVE' AND n.mailbox_id = e.mailbox_id
        JOIN sequences AS q ON q.id = e.sequence_id AND q.status = 'ACTIVE' AND q.priority = turn.priority
        JOIN steps AS s ON s.id = e.step_id AND s.position = n.next_position
        WHERE e.mailbox_id = box.mailbox_id AND e.is_first_touch = turn.is_first_touch
            AND e.phase = 'OPEN' AND e.status = 'PENDING' AND e.released_because IS NULL
            AND e.send_at > :late_since AND e.send_at <= :now
            AND (n.last_window_day IS NULL OR e.window_day >= n.last_window_day + coalesce(s.wait_days, 0))
            AND (n.planned_at IS NOT NULL OR s.wait_working_days IS NULL
                AND (n.last_window_day IS NOT NULL OR n.held_for = interval '0'))
            AND (n.next_not_before IS NULL OR n.next_not_before <= :now)
        ORDER BY e.send_at, e.id
        LIMIT box.room
        FOR NO KEY UPDATE OF e SKIP LOCKED
    ) AS head
    LIMIT box.room
) AS due
LIMIT :most
""")
    .bindparams(**dict.fromkeys(_ASKED))
    .columns(column("id", _columns.id.type), column("day", _columns.quota_day.type))
    .cte("heads")
)
# Each on the day that pays for it.
_QUEUE_HEADS = Statement(
    transition(EMAIL, scheduled_emails, EmailEvent.CLAIM)
    .where(_columns.id == _HEADS.c.id)
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
    )
)
# Mailboxes that are looked at together.
_PAGE = 250


async def claim_due(conn: AsyncConnection, *, now: datetime, limit: int, lease: timedelta) -> list[Claimed]:
    """
    Take up at most *limit* due emails for business time *now*; empty when there are none.

    Each mailbox gives as many as its day, hour, sliding window and gap allow, and their budget is reserved
    in the same transaction, so that two dispatchers together cannot exceed it. What was not sent when
    *lease* ends, by the database's clock, is rescued.
    """
    due_by = {"now": now, "late_since": now - LATE_AFTER}
    claimed: list[Claimed] = []
    asked: list[UUID] = []
    await _READ_IN_ORDER.run(conn)
    # On and on, or mailboxes whose due emails cannot leave would hide those behind them.
    is_last = False
    while len(claimed) < limit and not is_last:
        page = await _MAILBOXES_DUE.rows(
            conn, **due_by, asked=asked, most=_PAGE, connections=CONNECTIONS_PER_MAILBOX
        )
        is_last = len(page) < _PAGE
        asked.extend([row.id for row in page])
        loads = await read_loads(conn, [row.id for row in page], now=now)
        # In the order of the page: when *limit* is reached, those behind it have their turn next time.
        rooms = [(box, room) for box in page if (room := _room(loads[box.id], now))]
        if not rooms:
            continue
        queued = await _QUEUE_HEADS.rows(
            conn,
            **due_by,
            mailbox_ids=[box.id for box, _ in rooms],
            workspace_ids=[box.workspace_id for box, _ in rooms],
            rooms=[room for _, room in rooms],
            days=[loads[box.id].day for box, _ in rooms],
            most=limit - len(claimed),
            lease=lease,
        )
        queued.sort(key=lambda row: (row.send_at, row.id.int))
        await _reserve(conn, queued, loads, now=now)
        claimed.extend(
            Claimed(
                EmailId(row.id),
                WorkspaceId(row.workspace_id),
                row.mailbox_id,
                row.attempt + 1,
                row.crashes,
                row.send_at,
            )
            for row in queued
        )
    return claimed


def _room(load: MailboxLoad, now: datetime) -> int:
    """How many the gate would let pass now, after those that are queued for it and hold a reservation."""
    load.in_flight += load.queued
    load.starts.extend([now] * load.queued)
    room = 0
    while not load.is_busy and load.limited(now) is None and not load.is_too_close(now):
        load.take(now, is_reserved=False)
        room += 1
    return room


_NAME_AND_SPACE = Statement(
    text(f"""
UPDATE mailboxes AS m
SET under_way = named.email_ids,
    next_allowed_at = CASE
        WHEN m.minimum_gap_s > 0 THEN CAST(:now AS timestamptz) + make_interval(secs => m.minimum_gap_s)
        ELSE m.next_allowed_at
    END
FROM {NAMED} AS named
WHERE m.id = named.mailbox_id
""")
)


# Any: rows have the columns that are returned.
async def _reserve(
    conn: AsyncConnection, queued: Sequence[Any], loads: Mapping[UUID, MailboxLoad], *, now: datetime
) -> None:
    """Charge what was queued to today, name it in its mailboxes, and keep each mailbox's gap."""
    if not queued:
        return
    claims: dict[UUID, list[EmailId]] = {}
    for row in queued:
        claims.setdefault(row.mailbox_id, []).append(EmailId(row.id))
    days: dict[tuple[UUID, date], DayCount] = {}
    for mailbox_id, email_ids in claims.items():
        load = loads[mailbox_id]
        days[mailbox_id, load.day] = DayCount(load.capacity_today, used=len(email_ids))
        email_ids.extend(load.under_way)
    await count_on_days(conn, days)
    await _NAME_AND_SPACE.run(conn, now=now, **paired(claims))


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
