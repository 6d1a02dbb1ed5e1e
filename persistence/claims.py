"""Claims: the dispatcher takes up what is due, mailbox by mailbox, and reserves each one's budget."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Interval, bindparam, func, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gate import CONNECTIONS_PER_MAILBOX, MailboxLoad
from domain.ids import EmailId, WorkspaceId
from domain.keeping import LATE_AFTER
from domain.lifecycle import EMAIL, EmailEvent
from persistence.arrays import given
from persistence.mailbox_loads import DayCount, count_on_days, read_loads
from persistence.statements import Statement
from persistence.tables import scheduled_emails
from persistence.transitions import transition


@dataclass(frozen=True, slots=True)
class Claimed:
    """One email for the sender. *attempt* is the one that the message may begin."""

    email_id: EmailId
    workspace_id: WorkspaceId
    mailbox_id: UUID
    attempt: int
    crashes: int


# Mailboxes with something due, those first that have not sent for longest, shared out between dispatchers:
# skipping what is locked, nobody waits in this order. Not FOR UPDATE, which the foreign keys of a plan that
# is being written would wait for. Those that are busy are not even locked: their senders need them. They are
# found first, all at once, as what is under way is little: most mailboxes are busy when it matters.
_MAILBOXES_DUE = Statement(
    text("""
WITH busy AS MATERIALIZED (
    SELECT mailbox_id FROM scheduled_emails WHERE phase = 'UNDER_WAY'
    GROUP BY mailbox_id HAVING count(*) >= :connections
)
SELECT m.id FROM mailboxes AS m
WHERE m.status = 'ACTIVE' AND m.id <> ALL (CAST(:asked AS uuid[]))
    AND (m.next_allowed_at IS NULL OR m.next_allowed_at <= :now)
    AND (m.host_rests_until IS NULL OR m.host_rests_until <= :now)
    AND NOT EXISTS (
        SELECT FROM workspaces AS w WHERE w.id = m.workspace_id AND w.sending_paused_at IS NOT NULL
    )
    AND NOT EXISTS (SELECT FROM busy WHERE busy.mailbox_id = m.id)
    AND EXISTS (
        SELECT FROM scheduled_emails AS e
        WHERE e.mailbox_id = m.id AND e.phase = 'PENDING' AND e.send_at > :late_since AND e.send_at <= :now
    )
ORDER BY m.last_attempt_at NULLS FIRST, m.id
LIMIT :most
FOR NO KEY UPDATE SKIP LOCKED
""")
)

# The head of each mailbox: what is next for the contacts bound to it, by priority, follow-ups before first
# emails, by time and id. Not before its wait, by the day on which the step before it really left, whether the
# planner has moved it already or not; where only the planner can count the days, not while it has still to
# look; and not what the gate has given back to it.
_HEADS = Statement(
    text("""
SELECT due.id, box.day
FROM unnest(CAST(:mailbox_ids AS uuid[]), CAST(:rooms AS int[]), CAST(:days AS date[]))
    AS box (mailbox_id, room, day)
CROSS JOIN LATERAL (
    SELECT e.id
    FROM scheduled_emails AS e
    JOIN enrollments AS n ON n.id = e.enrollment_id AND n.status = 'ACTIVE' AND n.mailbox_id = e.mailbox_id
    JOIN sequences AS q ON q.id = e.sequence_id AND q.status = 'ACTIVE'
    JOIN steps AS s ON s.id = e.step_id AND s.position = n.next_position
    WHERE e.mailbox_id = box.mailbox_id AND e.phase = 'PENDING' AND e.released_because IS NULL
        AND e.send_at > :late_since AND e.send_at <= :now
        AND (n.last_window_day IS NULL OR e.window_day >= n.last_window_day + coalesce(s.wait_days, 0))
        AND (s.wait_working_days IS NULL OR n.planned_at IS NOT NULL)
        AND (n.next_not_before IS NULL OR n.next_not_before <= :now)
    ORDER BY q.priority DESC, n.last_window_day IS NULL, e.send_at, e.id
    LIMIT box.room
    FOR NO KEY UPDATE OF e SKIP LOCKED
) AS due
LIMIT :most
""")
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
    # On and on, or mailboxes whose due emails cannot leave would hide those behind them.
    while len(claimed) < limit:
        page = await _MAILBOXES_DUE.rows(
            conn, **due_by, asked=asked, most=_PAGE, connections=CONNECTIONS_PER_MAILBOX
        )
        mailbox_ids = [row.id for row in page]
        if not mailbox_ids:
            break
        asked.extend(mailbox_ids)
        loads = await read_loads(conn, mailbox_ids, now=now)
        # In the order of the page: when *limit* is reached, those behind it have their turn next time.
        rooms = _rooms({mailbox_id: loads[mailbox_id] for mailbox_id in mailbox_ids}, now=now)
        if not rooms:
            continue
        heads = await _HEADS.rows(
            conn,
            **due_by,
            mailbox_ids=list(rooms),
            rooms=list(rooms.values()),
            days=[loads[mailbox_id].day for mailbox_id in rooms],
            most=limit - len(claimed),
        )
        rows = await _queue(conn, {head.id: head.day for head in heads}, lease=lease)
        await _reserve(conn, Counter(row.mailbox_id for row in rows), loads, now=now)
        claimed.extend(
            Claimed(
                EmailId(row.id), WorkspaceId(row.workspace_id), row.mailbox_id, row.attempt + 1, row.crashes
            )
            for row in rows
        )
    return claimed


_columns = scheduled_emails.c
_GIVEN = given({"email_id": _columns.id.type, "day": _columns.quota_day.type})
_QUEUE = Statement(
    transition(EMAIL, scheduled_emails, EmailEvent.CLAIM)
    .where(_columns.id == _GIVEN.c.email_id)
    .values(
        quota_day=_GIVEN.c.day,
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


# Any: a row has the columns that are returned.
async def _queue(conn: AsyncConnection, day_of: Mapping[UUID, date], *, lease: timedelta) -> list[Any]:
    """Mark the locked emails as queued on the day that pays for them; soonest first."""
    if not day_of:
        return []
    queued = await _QUEUE.rows(conn, email_ids=list(day_of), days=list(day_of.values()), lease=lease)
    return sorted(queued, key=lambda row: (row.send_at, row.id))


def _rooms(loads: Mapping[UUID, MailboxLoad], *, now: datetime) -> dict[UUID, int]:
    """How many emails each mailbox may be given at once, where it is any."""
    rooms = {mailbox_id: _room(load, now) for mailbox_id, load in loads.items()}
    return {mailbox_id: room for mailbox_id, room in rooms.items() if room > 0}


def _room(load: MailboxLoad, now: datetime) -> int:
    """How many the gate would let pass now, after those that are queued for it and hold a reservation."""
    load.in_flight += load.queued
    load.starts.extend([now] * load.queued)
    room = 0
    while not load.is_busy and load.limited(now) is None and not load.is_too_close(now):
        load.take(now, is_reserved=False)
        room += 1
    return room


_SPACE = Statement(
    text("""
UPDATE mailboxes AS m
SET next_allowed_at = CAST(:now AS timestamptz) + make_interval(secs => m.minimum_gap_s)
WHERE m.id = ANY(CAST(:mailbox_ids AS uuid[]))
""")
)


async def _reserve(
    conn: AsyncConnection, claims: Mapping[UUID, int], loads: Mapping[UUID, MailboxLoad], *, now: datetime
) -> None:
    """Charge the claimed emails, by mailbox, to today, and keep each mailbox's gap."""
    await count_on_days(
        conn,
        {
            (mailbox_id, loads[mailbox_id].day): DayCount(loads[mailbox_id].capacity_today, used=emails)
            for mailbox_id, emails in claims.items()
        },
    )
    spaced = [mailbox_id for mailbox_id in claims if loads[mailbox_id].mailbox.minimum_gap]
    if spaced:
        await _SPACE.run(conn, now=now, mailbox_ids=spaced)


_UNDER_WAY = Statement(
    text("""
SELECT count(*) FILTER (WHERE status = 'QUEUED') AS queued,
    count(*) FILTER (WHERE status <> 'QUEUED') AS begun
FROM scheduled_emails WHERE phase = 'UNDER_WAY'
""")
)


async def count_under_way(conn: AsyncConnection) -> tuple[int, int]:
    """Emails that are claimed and not yet begun, and that are being sent, in all workspaces."""
    (row,) = await _UNDER_WAY.rows(conn)
    return row.queued, row.begun
