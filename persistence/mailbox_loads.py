"""What mailboxes have sent and are sending, as the gate judges it, and the counts of their days."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.circuit import Circuit
from domain.gate import MailboxLoad
from domain.ids import EmailId
from domain.lifecycle import MailboxStatus
from persistence.planning_terms import mailbox_of
from persistence.statements import Statement
from persistence.under_way import IS_UNDER_WAY, named_in

_LOADS = Statement(
    text(f"""
SELECT m.id, m.status, m.zone, m.daily_capacity, m.ramp_start, m.ramp_step, m.ramp_started_on,
    m.minimum_gap_s, m.hourly_limit, m.sliding_window_limit, m.sliding_window_s, m.rolling_24h_limit,
    m.working_hours, m.recipient_domain_daily_cap, m.jitter_percent, m.day_variation_percent,
    m.last_attempt_at, m.host_troubles, m.host_rests_until,
    coalesce((
        SELECT d.used FROM mailbox_days AS d
        WHERE d.mailbox_id = m.id AND d.day = (CAST(:now AS timestamptz) AT TIME ZONE m.zone)::date
    ), 0) AS used,
    (CAST(:now AS timestamptz) AT TIME ZONE m.zone)::date AS today,
    under_way.in_flight, under_way.ids AS under_way,
    CASE WHEN coalesce(m.hourly_limit, m.sliding_window_limit, m.rolling_24h_limit) IS NOT NULL THEN (
        SELECT array_agg(e.last_attempt_at) FROM scheduled_emails AS e
        WHERE e.mailbox_id = m.id AND e.status IN ('SENDING', 'COMMITTING', 'SENT', 'IN_DOUBT')
            AND e.last_attempt_at > CAST(:now AS timestamptz) - make_interval(secs => greatest(
                3600, m.sliding_window_s, CASE WHEN m.rolling_24h_limit IS NOT NULL THEN 86400 END
            ))
    ) END AS starts,
    CASE WHEN m.recipient_domain_daily_cap IS NOT NULL THEN (
        SELECT jsonb_object_agg(sent.domain, sent.emails) FROM (
            SELECT split_part(c.normalised_email, '@', 2) AS domain, count(*) AS emails
            FROM scheduled_emails AS e JOIN contacts AS c ON c.id = e.contact_id
            WHERE e.mailbox_id = m.id AND e.status IN ('SENDING', 'COMMITTING', 'SENT', 'IN_DOUBT')
                AND e.quota_day = (CAST(:now AS timestamptz) AT TIME ZONE m.zone)::date
            GROUP BY 1
        ) AS sent
    ) END AS by_domain,
    w.planning_seed
FROM mailboxes AS m
JOIN workspaces AS w ON w.id = m.workspace_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.status <> 'QUEUED') AS in_flight,
        array_agg(e.id) AS ids
    FROM {named_in("m")} AS e
    WHERE e.mailbox_id = m.id AND {IS_UNDER_WAY}
) AS under_way
WHERE m.id = ANY(CAST(:ids AS uuid[]))
ORDER BY m.id
""")
)


async def read_loads(
    conn: AsyncConnection, ids: Collection[UUID], *, now: datetime
) -> dict[UUID, MailboxLoad]:
    """
    Count what the mailboxes *ids* sent up to *now*.

    They are locked by an earlier statement, so that this one sees everyone who held them before.
    """
    if not ids:
        return {}
    rows = await _LOADS.rows(conn, ids=list(ids), now=now)
    return {
        row.id: MailboxLoad(
            mailbox=mailbox_of(row),
            status=MailboxStatus(row.status),
            day=row.today,
            used=row.used,
            in_flight=row.in_flight,
            under_way=tuple(map(EmailId, row.under_way or ())),
            last_attempt_at=row.last_attempt_at,
            starts=list(row.starts or ()),
            by_domain=dict(row.by_domain or {}),
            circuit=Circuit(row.host_troubles, row.host_rests_until),
        )
        for row in rows
    }


@dataclass(slots=True)
class DayCount:
    """What changes in the counts of one mailbox's day; *capacity* is the one in force there."""

    capacity: int
    used: int = 0
    sent: int = 0
    failed: int = 0
    retried: int = 0
    bounced: int = 0
    refused: int = 0


# The highest capacity that was in force on a day stays: lowered later, it means nothing more on that day.
HIGHEST = """
CASE WHEN d.capacity = 0 OR {given}.capacity = 0 THEN 0 ELSE greatest(d.capacity, {given}.capacity) END
"""
_OPEN_DAYS = Statement(
    text(f"""
INSERT INTO mailbox_days AS d (workspace_id, mailbox_id, day, capacity)
SELECT m.workspace_id, m.id, given.day, given.capacity
FROM unnest(CAST(:mailbox_ids AS uuid[]), CAST(:days AS date[]), CAST(:capacity AS int[]))
    AS given (mailbox_id, day, capacity)
JOIN mailboxes AS m ON m.id = given.mailbox_id
ORDER BY m.id, given.day
ON CONFLICT (mailbox_id, day) DO UPDATE SET capacity = {HIGHEST.format(given="excluded")}
""")
)
# Locked in one order first: an UPDATE has none. Day by day, or all days of all mailboxes may be read for it.
_COUNT = Statement(
    text(f"""
WITH locked AS MATERIALIZED (
    SELECT given.* FROM (
        SELECT * FROM unnest(
            CAST(:mailbox_ids AS uuid[]), CAST(:days AS date[]), CAST(:capacity AS int[]),
            CAST(:used AS int[]), CAST(:sent AS int[]), CAST(:failed AS int[]), CAST(:retried AS int[]),
            CAST(:bounced AS int[]), CAST(:refused AS int[])
        ) AS of (mailbox_id, day, capacity, used, sent, failed, retried, bounced, refused)
        ORDER BY mailbox_id, day
    ) AS given
    CROSS JOIN LATERAL (
        SELECT FROM mailbox_days AS d WHERE d.mailbox_id = given.mailbox_id AND d.day = given.day
        FOR NO KEY UPDATE
    ) AS held
)
UPDATE mailbox_days AS d
SET capacity = {HIGHEST.format(given="given")},
    used = greatest(0, d.used + given.used), sent = d.sent + given.sent, failed = d.failed + given.failed,
    retried = d.retried + given.retried, bounced = d.bounced + given.bounced,
    refused = d.refused + given.refused, updated_at = now()
FROM locked AS given
WHERE d.mailbox_id = given.mailbox_id AND d.day = given.day
RETURNING d.mailbox_id, d.day
""")
)
_KINDS = ("capacity", "used", "sent", "failed", "retried", "bounced", "refused")


async def count_on_days(conn: AsyncConnection, counts: Mapping[tuple[UUID, date], DayCount]) -> None:
    """Add *counts* to the days of mailboxes; a day that nothing was counted on begins here."""
    if not counts:
        return
    rows = await _COUNT.rows(conn, **_arrays(counts))
    if len(rows) == len(counts):
        return
    counted = {(row.mailbox_id, row.day) for row in rows}
    missing = {day: count for day, count in counts.items() if day not in counted}
    if missing:
        await _OPEN_DAYS.run(conn, **_arrays(missing))
        await _COUNT.run(conn, **_arrays(missing))


def _arrays(counts: Mapping[tuple[UUID, date], DayCount]) -> dict[str, list[object]]:
    of_days: dict[str, list[object]] = {
        "mailbox_ids": [mailbox_id for mailbox_id, _ in counts],
        "days": [day for _, day in counts],
    }
    return of_days | {kind: [getattr(count, kind) for count in counts.values()] for kind in _KINDS}
