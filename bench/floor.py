"""The floor of all planning: the rows that it wrote, ready-made, copied into the same table once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

import psycopg

from bench.campaign import settle
from persistence.database import libpq_url
from persistence.tables import scheduled_emails

# All that can be copied in: PostgreSQL works the others out.
_COPIED = ", ".join(column.name for column in scheduled_emails.c if column.computed is None)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Floor:
    """Seconds that a COPY of *rows* emails took, its commit included."""

    seconds: float
    rows: int


def mark(url: str) -> datetime:
    """The database's own time, after which a row counts as written."""
    with psycopg.connect(libpq_url(url)) as conn:
        row = conn.execute("SELECT clock_timestamp()").fetchone()
    if row is None or not isinstance(row[0], datetime):
        raise RuntimeError("the database does not know the time")
    return row[0]


def copy_floor(url: str, *, written_since: datetime = _BEGINNING) -> Floor:
    """
    Measure the COPY of the emails written since then, into the table as it was without them.

    The table has its indexes, its checks and its foreign keys meanwhile. *url* is a superuser's, whom
    row-level security does not concern. All emails are there again afterwards; what refers to them is not.
    """
    with psycopg.connect(libpq_url(url), autocommit=True) as conn:
        others, _ = _dump(conn, "updated_at < %s", written_since)
        ready, rows = _dump(conn, "updated_at >= %s", written_since)
        conn.execute("TRUNCATE scheduled_emails, letters, email_events CASCADE")
        _load(conn, others)
    settle(url)
    with psycopg.connect(libpq_url(url), autocommit=True) as conn:
        began = perf_counter()
        _load(conn, ready)
        return Floor(perf_counter() - began, rows)


def _dump(
    conn: psycopg.Connection, condition: str, written_since: datetime
) -> tuple[Sequence[bytes | memoryview], int]:
    """Rows in the binary form of COPY, in the order in which they were made, and how many they are."""
    chosen = f"SELECT {_COPIED} FROM scheduled_emails WHERE {condition} ORDER BY id"
    query = f"COPY ({chosen}) TO STDOUT (FORMAT BINARY)"
    with conn.cursor() as cursor:
        with cursor.copy(query.encode(), [written_since]) as copy:
            blocks = [bytes(block) for block in copy]
        return blocks, cursor.rowcount


def _load(conn: psycopg.Connection, blocks: Sequence[bytes | memoryview]) -> None:
    # Many small blocks would measure the driver: PostgreSQL hands them out by the row.
    everything = b"".join(blocks)
    query = f"COPY scheduled_emails ({_COPIED}) FROM STDIN (FORMAT BINARY)"
    with conn.cursor() as cursor, cursor.copy(query.encode()) as copy:
        copy.write(everything)
