"""How fast the dispatcher claims, from tables of any size, and past others' overdue emails."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from uuid import UUID

import psycopg

from bench.campaign import settle
from bench.mailing import Mailing, enroll, make_mailing
from bench.timetable_checks import WrongResult
from domain.gate import CONNECTIONS_PER_MAILBOX
from persistence.claims import claim_due
from persistence.database import Database, Role, libpq_url, open_database

LIMIT = 500
# Of each contact so many emails stand in the table: some sent, one due now or tomorrow, the others later.
_EMAILS_EACH = 10
_SENT_EACH = 3
# All that are due, five hundred at a time: claimed by some rounds, and by the others only updated.
_CLAIMS = 6
_UPDATES = 4
_LEASE = timedelta(minutes=5)
_MOST_QUEUED = 1_000

_FILL = """
INSERT INTO scheduled_emails (id, workspace_id, sequence_id, enrollment_id, contact_id, step_id, mailbox_id,
    status, send_at, window_day, send_day, is_first_touch)
SELECT uuidv7(), n.workspace_id, n.sequence_id, n.id, n.contact_id,
    CASE WHEN number = 0 THEN %(step_id)s ELSE uuidv7() END, n.mailbox_id,
    CASE WHEN number < 0 THEN 'SENT' ELSE 'PENDING' END, at, at::date, at::date, number = 0
FROM enrollments AS n
CROSS JOIN generate_series(%(first)s::int, %(last)s::int) AS number
CROSS JOIN LATERAL (SELECT %(due_at)s + number * interval '3 days' AS at) AS planned
WHERE n.sequence_id = %(sequence_id)s
    AND NOT EXISTS (SELECT FROM scheduled_emails AS e WHERE e.enrollment_id = n.id)
"""
# As a claim takes them, two of each mailbox: those that are due first of all lie on a fifth of the pages.
_CHOSEN = """
SELECT id
FROM (
    SELECT id, mailbox_id, row_number() OVER (PARTITION BY mailbox_id ORDER BY send_at, id) AS number
    FROM scheduled_emails
    WHERE phase = 'OPEN' AND status = 'PENDING' AND send_at BETWEEN %(due_at)s AND now()
) AS due
WHERE number <= %(each)s ORDER BY mailbox_id, number LIMIT %(limit)s
"""
_BARE = """
UPDATE scheduled_emails
SET status = 'QUEUED', lease_until = now() + interval '5 minutes', quota_day = now()
WHERE id = ANY (%(ids)s::uuid[])
"""


@dataclass(frozen=True, slots=True)
class Claims:
    """Rows a second: claimed, and by the bare UPDATE of as many rows of as many mailboxes."""

    rate: float
    bare: float


async def measure_claims(url: str, *, mailboxes: int, rows: int, due: int, overdue: int = 0) -> Claims:
    """
    Claim 500 at a time from *rows* emails of which *due* are due, after *overdue* ones of blocked mailboxes.

    What was claimed counts as sent before the next claim, as each mailbox has two under way at most.
    """
    due_at = datetime.now(UTC) - timedelta(minutes=5)
    mailing = make_mailing(url, mailboxes=mailboxes, port=25)
    _fill(url, mailing, contacts=due, due_at=due_at)
    others = rows // _EMAILS_EACH - due
    if others > 0:
        _fill(url, mailing, contacts=others, due_at=due_at + timedelta(days=1))
    if overdue:
        _block(url, mailing, emails=overdue, due_at=due_at)
    settle(url)
    database = open_database(url, Role.WORKER)
    try:
        seconds = [await _claim(database, url, limit=min(LIMIT, mailboxes)) for _ in range(_CLAIMS)]
    finally:
        await database.aclose()
    bare = [_update(url, due_at=due_at, limit=min(LIMIT, mailboxes)) for _ in range(_UPDATES)]
    return Claims(*(min(LIMIT, mailboxes) / median(each) for each in (seconds, bare)))


def _fill(url: str, mailing: Mailing, *, contacts: int, due_at: datetime) -> None:
    with psycopg.connect(libpq_url(url)) as conn:
        # Ready-made rows, whose foreign keys nobody needs to look up: that alone would take minutes.
        conn.execute("SET session_replication_role = replica")
        enroll(conn, mailing, emails=contacts)
        conn.execute(
            _FILL,
            {
                "step_id": mailing.step_ids[0],
                "sequence_id": mailing.sequence_id,
                "first": -_SENT_EACH,
                "last": _EMAILS_EACH - _SENT_EACH - 1,
                "due_at": due_at,
            },
        )


def _block(url: str, mailing: Mailing, *, emails: int, due_at: datetime) -> None:
    """Add a blocked mailbox with emails that were due before all others."""
    with psycopg.connect(libpq_url(url)) as conn:
        conn.execute("SET session_replication_role = replica")
        row = conn.execute(
            """
            INSERT INTO mailboxes (id, workspace_id, name, email, normalised_email, zone, host, port, status)
            SELECT gen_random_uuid(), %s, a, a, a, 'UTC', '127.0.0.1', 25, 'BLOCKED'
            FROM (VALUES ('blocked@example.com')) AS of (a) RETURNING id
            """,
            [mailing.workspace_id],
        ).fetchone()
        blocked_id: UUID | None = row[0] if row else None
        conn.execute(
            """
            INSERT INTO scheduled_emails (id, workspace_id, sequence_id, enrollment_id, contact_id, step_id,
                mailbox_id, send_at, window_day, send_day)
            SELECT gen_random_uuid(), %s, %s, gen_random_uuid(), gen_random_uuid(), %s, %s,
                at, at::date, at::date
            FROM (SELECT %s - interval '1 minute' AS at FROM generate_series(1, %s)) AS of
            """,
            [
                mailing.workspace_id,
                mailing.sequence_id,
                mailing.step_ids[0],
                blocked_id,
                due_at,
                emails,
            ],
        )


async def _claim(database: Database, url: str, *, limit: int) -> float:
    """
    Seconds that one claim took, its commit included.

    Raises:
        WrongResult: It was not of *limit* emails.
    """
    began = perf_counter()
    async with database.transaction() as conn:
        claimed, _, _ = await claim_due(
            conn, now=datetime.now(UTC), limit=limit, most_queued=_MOST_QUEUED, lease=_LEASE
        )
    seconds = perf_counter() - began
    if len(claimed) != limit:
        raise WrongResult(f"{len(claimed)} emails were claimed instead of {limit}")
    with psycopg.connect(libpq_url(url)) as conn:
        conn.execute("UPDATE scheduled_emails SET status = 'SENT' WHERE status = 'QUEUED'")
    return seconds


def _update(url: str, *, due_at: datetime, limit: int) -> float:
    with psycopg.connect(libpq_url(url)) as conn:
        given = {"due_at": due_at, "limit": limit, "each": CONNECTIONS_PER_MAILBOX}
        # Written out before the clock starts.
        ids = f"{{{','.join(str(row[0]) for row in conn.execute(_CHOSEN, given))}}}"
        began = perf_counter()
        conn.execute(_BARE, {"ids": ids})
        conn.commit()
        seconds = perf_counter() - began
        conn.execute("UPDATE scheduled_emails SET status = 'SENT' WHERE status = 'QUEUED'")
    return seconds
