"""The audit: promises that rows have to keep, each as a query that finds what breaks it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import EMAIL

# Offenders that are named; the others are counted.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that is always true, and the query of the ids of what breaks it."""

    name: str
    words: str
    broken_by: str


@dataclass(frozen=True, slots=True)
class Breach:
    """How often a promise is broken, and the ids of the first that break it; none when it is kept."""

    count: int
    first: tuple[str, ...]


# What the database itself says happened: who was handed over, and what still may be.
_IN_FLIGHT = "('QUEUED', 'SENDING', 'COMMITTING', 'RETRYING')"
_OPEN = "('PENDING', 'QUEUED', 'SENDING', 'RETRYING')"
_CHARGED = "('QUEUED', 'SENDING', 'COMMITTING', 'SENT', 'IN_DOUBT')"
_HANDED_OVER = "('COMMITTING', 'SENT', 'IN_DOUBT')"
# The first of these ends an attempt: what a late 250 or a settling says after it comes too late for the steps
# that follow.
_SETTLING = "('ACCEPT', 'LOSE_SIGHT', 'FAIL')"

# Where each event leaves an email. A claim and the beginning of an attempt are not recorded as events.
_TARGETS = ", ".join(f"('{event}', '{move.target}')" for event, move in EMAIL.moves.items())

PROMISES: Sequence[Promise] = (
    Promise(
        "conservation",
        "what was planned is sent, failed, in doubt, cancelled or still to come, as its last event says",
        f"""
        SELECT e.id FROM scheduled_emails AS e
        LEFT JOIN LATERAL (
            SELECT v.kind FROM email_events AS v WHERE v.email_id = e.id ORDER BY v.id DESC LIMIT 1
        ) AS last ON true
        LEFT JOIN (VALUES {_TARGETS}) AS told (kind, status) ON told.kind = last.kind
        WHERE CASE
            WHEN last.kind IS NULL OR told.status = 'PENDING'
                THEN e.status NOT IN ('PENDING', 'QUEUED', 'SENDING')
            WHEN told.status = 'RETRYING' THEN e.status NOT IN ('RETRYING', 'SENDING')
            ELSE told.status IS DISTINCT FROM e.status
        END
        """,
    ),
    Promise(
        "nothing lost",
        "every remaining step of a planned enrollment has its email, and nobody holds one for ever",
        f"""
        SELECT n.id FROM enrollments AS n
        JOIN steps AS s ON s.sequence_id = n.sequence_id AND s.removed_at IS NULL
            AND s.position >= n.next_position
        WHERE n.status = 'ACTIVE' AND n.planned_at IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM scheduled_emails AS e
                WHERE e.enrollment_id = n.id AND e.step_id = s.id
                    AND (e.status <> 'CANCELLED' OR e.is_skipped)
            )
            AND NOT EXISTS (
                SELECT FROM recalculations AS r
                WHERE r.workspace_id = n.workspace_id AND r.status IN ('PENDING', 'RUNNING')
            )
        UNION ALL
        SELECT e.id FROM scheduled_emails AS e
        WHERE e.status IN ('QUEUED', 'SENDING', 'COMMITTING')
            AND e.lease_until < clock_timestamp() - interval '5 minutes'
        UNION ALL
        SELECT e.id FROM scheduled_emails AS e
        WHERE e.status = 'PENDING' AND e.send_at IS NULL AND e.unplaced_reason IS NULL
            OR e.status = 'RETRYING' AND e.retry_at IS NULL
            OR e.status IN {_IN_FLIGHT} AND e.mailbox_id IS NULL
        """,
    ),
    Promise(
        "at most once",
        "an email was accepted once if it is sent, and never twice",
        """
        SELECT e.id FROM scheduled_emails AS e
        LEFT JOIN email_events AS v ON v.email_id = e.id AND v.kind IN ('ACCEPT', 'SETTLE_SENT')
        GROUP BY e.id HAVING count(v.id) > 1 OR (e.status = 'SENT') <> (count(v.id) = 1)
        """,
    ),
    Promise(
        "quota",
        "no mailbox has used more of a local day than the highest capacity in force on it",
        f"""
        SELECT e.mailbox_id FROM scheduled_emails AS e
        JOIN mailbox_days AS d ON d.mailbox_id = e.mailbox_id AND d.day = e.quota_day
        WHERE e.status IN {_CHARGED} AND d.capacity > 0
        GROUP BY e.mailbox_id, e.quota_day, d.capacity HAVING count(*) > d.capacity
        """,
    ),
    Promise(
        "spacing",
        "emails of one mailbox left with its minimum gap between them, since that was last changed",
        f"""
        WITH left_at AS (
            SELECT e.id, m.minimum_gap_s, e.last_attempt_at,
                lag(e.last_attempt_at) OVER (PARTITION BY m.id ORDER BY e.last_attempt_at, e.id) AS before
            FROM scheduled_emails AS e JOIN mailboxes AS m ON m.id = e.mailbox_id
            WHERE e.status IN {_HANDED_OVER} AND m.minimum_gap_s > 0
                AND e.last_attempt_at > coalesce((
                    SELECT max(r.requested_at) FROM recalculations AS r
                    WHERE r.mailbox_id = m.id AND r.cause = 'CAPACITY_CHANGED'
                ), '-infinity')
        )
        SELECT id FROM left_at WHERE last_attempt_at - before < make_interval(secs => minimum_gap_s)
        """,
    ),
    Promise(
        "step order",
        "an enrollment has one email on its way at a time, begun after the one before it was settled",
        f"""
        WITH kept AS (
            SELECT e.* FROM scheduled_emails AS e JOIN steps AS s ON s.id = e.step_id AND s.removed_at IS NULL
        )
        SELECT enrollment_id FROM kept WHERE status IN {_IN_FLIGHT}
        GROUP BY enrollment_id HAVING count(*) > 1
        UNION ALL
        SELECT later.id FROM kept AS e
        JOIN scheduled_emails AS later ON later.enrollment_id = e.enrollment_id AND later.id <> e.id
            AND later.last_attempt_at > e.last_attempt_at
        WHERE e.status IN ('COMMITTING', 'SENT', 'IN_DOUBT', 'FAILED') AND later.last_attempt_at < coalesce((
            SELECT min(v.at) FROM email_events AS v
            WHERE v.email_id = e.id AND v.attempt = e.attempt AND v.kind IN {_SETTLING}
        ), 'infinity')
        """,
    ),
    Promise(
        "stop means stop",
        "nothing is planned or on its way to a contact or in an enrollment that ended",
        f"""
        SELECT e.id FROM scheduled_emails AS e
        JOIN enrollments AS n ON n.id = e.enrollment_id AND n.status NOT IN ('ACTIVE', 'PAUSED')
        WHERE e.status IN {_OPEN}
        UNION ALL
        SELECT n.id FROM enrollments AS n JOIN contacts AS c ON c.id = n.contact_id
        WHERE n.status IN ('ACTIVE', 'PAUSED') AND (c.status <> 'ACTIVE' OR EXISTS (
            SELECT FROM suppressions AS s
            WHERE s.workspace_id = c.workspace_id AND s.address = c.normalised_email
        ))
        """,
    ),
    Promise(
        "one workspace each",
        "what an email refers to, and what tells of it, is of its own workspace",
        """
        SELECT e.id FROM scheduled_emails AS e
        JOIN enrollments AS n ON n.id = e.enrollment_id
        JOIN contacts AS c ON c.id = e.contact_id
        JOIN sequences AS q ON q.id = e.sequence_id
        JOIN steps AS s ON s.id = e.step_id
        LEFT JOIN mailboxes AS m ON m.id = e.mailbox_id
        LEFT JOIN step_versions AS v ON v.id = e.step_version_id
        WHERE (n.workspace_id, c.workspace_id, q.workspace_id, s.workspace_id) IS DISTINCT FROM
                (e.workspace_id, e.workspace_id, e.workspace_id, e.workspace_id)
            OR m.workspace_id <> e.workspace_id
            OR (n.sequence_id, n.contact_id, s.sequence_id) IS DISTINCT FROM
                (e.sequence_id, e.contact_id, e.sequence_id)
            OR (e.step_version_id IS NOT NULL AND v.step_id IS DISTINCT FROM e.step_id)
        UNION ALL
        SELECT told.email_id FROM (
            SELECT workspace_id, email_id FROM email_events
            UNION ALL SELECT workspace_id, email_id FROM letters
            UNION ALL SELECT workspace_id, email_id FROM email_moves
        ) AS told
        LEFT JOIN scheduled_emails AS e ON e.id = told.email_id
        WHERE e.workspace_id IS DISTINCT FROM told.workspace_id
        """,
    ),
    Promise(
        "counters are rows",
        "what a mailbox's day says was used and sent is what its emails say",
        f"""
        SELECT coalesce(d.mailbox_id, of_rows.mailbox_id)
        FROM mailbox_days AS d
        FULL JOIN (
            SELECT e.mailbox_id, e.quota_day, count(*) AS used,
                count(*) FILTER (WHERE e.status = 'SENT') AS sent
            FROM scheduled_emails AS e WHERE e.status IN {_CHARGED} GROUP BY e.mailbox_id, e.quota_day
        ) AS of_rows ON of_rows.mailbox_id = d.mailbox_id AND of_rows.quota_day = d.day
        WHERE (coalesce(d.used, 0), coalesce(d.sent, 0))
            <> (coalesce(of_rows.used, 0), coalesce(of_rows.sent, 0))
        """,
    ),
)


async def breach_of(conn: AsyncConnection, promise: Promise) -> Breach:
    """What breaks *promise*, over all workspaces, as *conn* sees them."""
    found = await conn.execute(
        text(f"""
            WITH broken (id) AS ({promise.broken_by})
            SELECT (SELECT count(*) FROM broken) AS times,
                ARRAY(SELECT DISTINCT CAST(id AS text) FROM broken ORDER BY 1 LIMIT {NAMED}) AS first
        """)
    )
    row = found.one()
    return Breach(row.times, tuple(row.first))


STATES = text("SELECT status, count(*) AS emails FROM scheduled_emails GROUP BY status")
