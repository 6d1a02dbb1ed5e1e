"""What PostgreSQL does for a page of a list, and lists that are long enough to tell."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text

from domain.ids import WorkspaceId
from persistence.database import Database, libpq_url
from tests.support.world import make_mailbox, make_sequence

Statement = tuple[str, Mapping[str, Any]]
# People in one sequence of two steps: the first email of each was sent, the other is planned a month later.
_FILL = """
WITH people AS (
    INSERT INTO contacts (id, workspace_id, email, normalised_email)
    SELECT uuidv7(), %(workspace_id)s, address, address
    FROM generate_series(1, %(people)s) AS n,
        concat(n, '-', %(sequence_id)s::text, '@example.test') AS address
    RETURNING id
), enrolled AS (
    INSERT INTO enrollments (id, workspace_id, sequence_id, contact_id, mailbox_id, enrolled_at, planned_at)
    SELECT uuidv7(), %(workspace_id)s, %(sequence_id)s, id, %(mailbox_id)s, now(), now() FROM people
    RETURNING id, contact_id
), planned AS (
    INSERT INTO scheduled_emails (
        id, workspace_id, sequence_id, enrollment_id, contact_id, step_id, mailbox_id, status,
        send_at, window_day, send_day, sent_at
    )
    SELECT uuidv7(), %(workspace_id)s, %(sequence_id)s, e.id, e.contact_id, s.id, %(mailbox_id)s,
        CASE s.position WHEN 1 THEN 'SENT' ELSE 'PENDING' END,
        send_at, send_at::date, send_at::date, CASE s.position WHEN 1 THEN send_at + interval '1 second' END
    FROM (SELECT row_number() OVER () AS n, * FROM enrolled) AS e
    JOIN steps AS s ON s.sequence_id = %(sequence_id)s,
        CAST(timestamptz '2026-03-02 09:00Z' + s.position * interval '30 days' + n * interval '7 seconds'
            AS timestamptz) AS send_at
    RETURNING id, enrollment_id, send_at
)
INSERT INTO email_events (workspace_id, email_id, enrollment_id, mailbox_id, kind, at)
SELECT %(workspace_id)s, id, enrollment_id, %(mailbox_id)s, 'ACCEPT', send_at FROM planned ORDER BY send_at
"""


@asynccontextmanager
async def filling(
    worker_db: Database, database_url: str, workspace_id: WorkspaceId, *, people: int
) -> AsyncIterator[tuple[psycopg.Connection, Mapping[str, UUID]]]:
    """
    Fill a sequence of its own, with a mailbox of its own, with *people*.

    Yields the connection that did it, on which rows need not refer to each other, and the ids by column.
    """
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, workspace_id)
        sequence_id = await make_sequence(conn, workspace_id, mailboxes=[mailbox_id])
    given = {"workspace_id": workspace_id, "mailbox_id": mailbox_id, "sequence_id": sequence_id}
    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        # What it is about are plans: the rows refer to each other as they have to.
        admin.execute("SET session_replication_role = replica")
        admin.execute(_FILL, given | {"people": people})
        yield admin, given


@dataclass(frozen=True)
class Plan:
    """How PostgreSQL reads a page: its kinds of nodes, how many blocks it touched, and rows read in vain."""

    nodes: Sequence[str]
    blocks: int
    passed_over: int


async def explained(api_db: Database, workspace_id: WorkspaceId, asked: Statement, *, forced: bool) -> Plan:
    """*forced* avoids sorting wherever an index has the order, as it would be in a long list."""
    query, given = asked
    async with api_db.transaction(workspace_id) as conn:
        if forced:
            await conn.execute(text("SET LOCAL enable_sort = off"))
            await conn.execute(text("SET LOCAL enable_seqscan = off"))
        driver = (await conn.get_raw_connection()).driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        told = await driver.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", given)
        ((answer,),) = await told.fetchall()
    plan = answer[0]["Plan"]
    each = list(_nodes(plan))
    return Plan(
        [node["Node Type"] for node in each],
        plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
        sum(node.get("Rows Removed by Filter", 0) * node["Actual Loops"] for node in each),
    )


# Any: JSON.
def _nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
