"""What enrolling costs: `enrollContacts` over HTTP, and the COPY of the rows that it wrote."""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from time import perf_counter
from uuid import UUID

import psycopg

from api.ids import global_id
from bench.answering import Server
from bench.campaign import settle
from bench.figures import Measured
from bench.floor import mark
from bench.load import ask
from bench.timetable_checks import WrongResult
from persistence.database import libpq_url

_DOCUMENT = """
mutation Enroll($input: EnrollContactsInput!) {
  enrollContacts(input: $input) { enrolled alreadyEnrolled suppressed userErrors { code message } }
}
"""
# What the mutation writes, in an order in which the rows may be there.
_WRITTEN = ("contacts", "enrollments")
_numbers = count()


def measure_enrolling(url: str, server: Server, sequence_id: UUID, *, contacts: int) -> Measured:
    """Seconds to enroll so many new contacts, and to copy their rows in again; *url* is a superuser's."""
    settle(url)
    since, number = mark(url), next(_numbers)
    listed = [{"email": f"enrolled-{number}-{n}@example.test"} for n in range(contacts)]
    asked = {"sequenceId": global_id("Sequence", sequence_id), "contacts": listed}
    body = json.dumps({"query": _DOCUMENT, "variables": {"input": asked}}).encode()
    enrolled = ask(server.target(body, expected=f'"enrolled":{contacts},'.encode()), clients=1, each=1)
    if enrolled.failed:
        raise WrongResult(f"enrollContacts did not enroll {contacts} contacts")
    return Measured(enrolled.seconds, _copy_again(url, since, rows=contacts))


def _copy_again(url: str, since: datetime, *, rows: int) -> float:
    """Take the rows out that were written *since*, and copy them back, in one transaction with its commit."""
    with psycopg.connect(libpq_url(url), autocommit=True) as conn:
        dumped = {table: _dump(conn, table, since, rows=rows) for table in _WRITTEN}
        for table in reversed(_WRITTEN):
            conn.execute(f"DELETE FROM {table} WHERE created_at >= %s".encode(), [since])
    settle(url)
    with psycopg.connect(libpq_url(url)) as conn:
        began = perf_counter()
        for table, blocks in dumped.items():
            with (
                conn.cursor() as cursor,
                cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()) as copy,
            ):
                copy.write(b"".join(blocks))
        conn.commit()
        return perf_counter() - began


def _dump(conn: psycopg.Connection, table: str, since: datetime, *, rows: int) -> Sequence[bytes]:
    query = f"COPY (SELECT * FROM {table} WHERE created_at >= %s ORDER BY id) TO STDOUT (FORMAT BINARY)"
    with conn.cursor() as cursor:
        with cursor.copy(query.encode(), [since]) as copy:
            blocks = [bytes(block) for block in copy]
        if cursor.rowcount != rows:
            raise WrongResult(f"{cursor.rowcount} rows in {table}, and it should be {rows}")
    return blocks
