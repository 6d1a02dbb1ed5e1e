"""What sending is measured on: mailboxes without limits, and emails of 2 KB that become due all at once."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter, sleep
from uuid import UUID

import psycopg

from bench.campaign import settle
from bench.timetable_checks import WrongResult
from persistence.database import CHANNEL, libpq_url
from persistence.ids import uuid7
from persistence.under_way import UNDER_WAY

TEXT = """Hello {{ first_name }},

thank you for asking how {{ company }} could keep its letters in order. In short: every step of yours is
planned in advance, each contact gets the next one in your office hours only, and whoever answers gets no
further one.

{{ custom.offer }}

If you like, we talk about it next week; twenty minutes are enough. Any day but Friday suits us, and you
choose the hour. Just answer this email, it reaches a person.

With kind regards
{{ sender.name }}
Unsubscribe: {{ unsubscribe_url }}
"""
HTML = (
    "<html><body>"
    + "".join(f"<p style='margin:0 0 12px'>{part}</p>" for part in TEXT.strip().split("\n\n"))
    + "<p><a href='{{ unsubscribe_url }}'>Unsubscribe</a></p></body></html>"
)
SUBJECT = "Letters of {{ company }}"
OFFER = "Für {{n}} Empfänger im Monat kostet es weniger als ein Mittagessen: 9 € – fest, ohne Zuschläge."
_LONG_AGO = timedelta(minutes=1)
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Mailing:
    """A workspace with one active sequence of two steps, and the mailboxes that send for it."""

    workspace_id: UUID
    sequence_id: UUID
    step_ids: tuple[UUID, UUID]


def make_mailing(url: str, *, mailboxes: int, port: int) -> Mailing:
    """Empty the database of *url*, a superuser's; the mailboxes' server listens on *port* of this machine."""
    mailing = Mailing(uuid7(), uuid7(), (uuid7(), uuid7()))
    here, sequence_id = mailing.workspace_id, mailing.sequence_id
    with psycopg.connect(libpq_url(url)) as conn:
        conn.execute("TRUNCATE workspaces, letters, email_events, email_moves, dispatches CASCADE")
        conn.execute("INSERT INTO workspaces (id, name, zone) VALUES (%s, 'Benchmark', 'UTC')", [here])
        conn.execute(
            """
            INSERT INTO mailboxes (id, workspace_id, name, from_name, email, normalised_email, zone, host,
                port, security, daily_capacity, minimum_gap_s)
            SELECT uuidv7(), %s, address, 'Ada Müller', address, address, 'UTC', '127.0.0.1', %s,
                'NONE', 0, 0
            FROM (SELECT 'sender-' || n || '@example.com' AS address FROM generate_series(1, %s) AS n) AS of
            """,
            [here, port, mailboxes],
        )
        conn.execute(
            "INSERT INTO sequences (id, workspace_id, name, zone, status) "
            "VALUES (%s, %s, 'Benchmark', 'UTC', 'ACTIVE')",
            [sequence_id, here],
        )
        for position, step_id in enumerate(mailing.step_ids, start=1):
            conn.execute(
                "INSERT INTO steps (id, workspace_id, sequence_id, position, wait_days) "
                "VALUES (%s, %s, %s, %s, %s)",
                [step_id, here, sequence_id, position, 3 * (position - 1)],
            )
            conn.execute(
                """
                INSERT INTO step_versions (id, workspace_id, step_id, version, subject, body_text, body_html)
                VALUES (gen_random_uuid(), %s, %s, 1, %s, %s, %s)
                """,
                [here, step_id, SUBJECT, TEXT, HTML],
            )
    return mailing


# Ids that grow, as those that we make do: an index of random ones is another one, and slower.
_ENROLL = """
WITH box AS (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS number, count(*) OVER () AS boxes FROM mailboxes
), contact AS (
    INSERT INTO contacts (id, workspace_id, email, normalised_email, first_name, last_name, company,
        custom_fields)
    SELECT uuidv7(), %(here)s, address, address, 'Jörg', 'Weiß', 'Weiß & Söhne ' || n,
        jsonb_build_object('offer', replace(%(offer)s, '{{n}}', n::text))
    FROM (
        SELECT n, gen_random_uuid() || '@example.test' AS address FROM generate_series(1, %(emails)s) AS n
    ) AS of
    RETURNING id
), numbered AS (
    SELECT id AS contact_id, uuidv7() AS id, row_number() OVER () AS number FROM contact
)
INSERT INTO enrollments (id, workspace_id, sequence_id, contact_id, mailbox_id, enrolled_at, planned_at)
SELECT numbered.id, %(here)s, %(sequence_id)s, contact_id, box.id, now(), now()
FROM numbered JOIN box ON box.number = numbered.number %% box.boxes
"""
# The follow-up is planned too, as it always is: what goes on after an email looks at it.
_PLAN = """
INSERT INTO scheduled_emails (id, workspace_id, sequence_id, enrollment_id, contact_id, step_id, mailbox_id,
    send_at, window_day, send_day, is_first_touch)
SELECT uuidv7(), n.workspace_id, n.sequence_id, n.id, n.contact_id, step.id, n.mailbox_id,
    %(due_at)s + step.wait, (%(due_at)s + step.wait)::date, (%(due_at)s + step.wait)::date,
    step.id = %(first)s::uuid
FROM enrollments AS n
CROSS JOIN (VALUES (%(first)s::uuid, interval '0'), (%(second)s::uuid, interval '4 days')) AS step (id, wait)
WHERE n.current_step = 0
"""
# Asked many times while others work: the first answer that is yes is found at once.
_IS_OPEN = f"""
SELECT (EXISTS (SELECT FROM {UNDER_WAY} AS e)
    OR EXISTS (SELECT FROM scheduled_emails WHERE phase = 'OPEN' AND send_at <= now())
    OR EXISTS (SELECT FROM scheduled_emails WHERE phase = 'WAITING'))::int
"""
_OPEN = """
SELECT (SELECT count(*) FROM scheduled_emails WHERE phase = 'OPEN' AND send_at <= now())
    + (SELECT count(*) FROM scheduled_emails WHERE phase = 'WAITING')
"""


def enroll(conn: "psycopg.Connection", mailing: Mailing, *, emails: int) -> None:
    """Enroll so many new contacts, spread over all mailboxes."""
    ids = {"here": mailing.workspace_id, "sequence_id": mailing.sequence_id}
    conn.execute(_ENROLL, ids | {"emails": emails, "offer": OFFER})


def send_all(url: str, mailing: Mailing, *, emails: int, within_s: float) -> float:
    """
    Seconds from the commit that makes *emails* due to the last of them SENT, by those who work on *url*.

    Raises:
        WrongResult: One did not get there, at all or in *within_s*.
    """
    due_at = datetime.now(UTC) - _LONG_AGO
    with psycopg.connect(libpq_url(url)) as conn:
        enroll(conn, mailing, emails=emails)
        first, second = mailing.step_ids
        conn.execute(_PLAN, {"due_at": due_at, "first": first, "second": second})
        conn.execute("SELECT pg_notify(%s, 'due')", [CHANNEL])
        began = perf_counter()
    with psycopg.connect(libpq_url(url), autocommit=True) as conn:
        while _count(conn, _IS_OPEN):
            if perf_counter() - began > within_s:
                raise WrongResult(f"{_count(conn, _OPEN)} of {emails} emails are not sent after {within_s} s")
            sleep(_LOOK_EVERY_S)
        seconds = perf_counter() - began
        unsent = _count(conn, "SELECT count(*) FROM scheduled_emails WHERE status NOT IN ('SENT', 'PENDING')")
        behind = _count(conn, "SELECT count(*) FROM enrollments WHERE next_position <> 2")
    if unsent or behind:
        raise WrongResult(f"{unsent} of {emails} emails were not sent, {behind} enrollments did not go on")
    settle(url)
    return seconds


def _count(conn: "psycopg.Connection", query: str) -> int:
    row = conn.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0
