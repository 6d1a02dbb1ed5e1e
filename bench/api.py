"""`make bench-api`: what the API costs, beside one hand-written statement and beside graphql-yoga on Node."""

import asyncio
import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Annotated
from uuid import UUID

import psycopg
import typer

from api.connections import cursor_of
from bench.answering import Server, drumbeat_api, plain_endpoint, same_answer, yoga
from bench.campaign import make_campaign, settle
from bench.enrolling import measure_enrolling
from bench.figures import Reach, Rounds, Work, figures_of, note, report
from bench.listing import PAGE, request_body
from bench.load import Load, ask
from bench.office import Office
from bench.own_database import own_database
from bench.timetable_checks import WrongResult
from persistence.api_keys import create_api_key
from persistence.database import Role, libpq_url, open_database

RATE = Work(
    "20 scheduled emails with contact, step and mailbox, 50 clients", "requests/s", Reach(0.25, at_least=True)
)
PERCENTILE = Work("the same, 95th percentile, beside graphql-yoga", "ms", Reach(3))
CROWD = Work("the same, 1,000 clients, beside 50", "requests/s", Reach(0.8, at_least=True))
MEMORY = Work("memory of the process while 1,000 clients go on", "MB", Reach(1, more=20))
FAR = Work("page 5,000, beside page 1", "ms", Reach(1.5))
ENROLL = Work("enrollContacts with 1,000", "s", Reach(10))

_STEPS = 3
_MAILBOXES = 200
_FEW, _MANY = 50, 1_000
_FAR_PAGE = 5_000
_ENROLLED = 1_000


@dataclass(frozen=True, slots=True)
class Archive:
    """A database full of planned emails, and a key to the API of its only workspace."""

    url: str
    key: str
    workspace_id: UUID
    sequence_id: UUID


async def make_archive(url: str, *, contacts: int) -> Archive:
    """Enroll and plan *contacts* in the migrated database of *url*, a superuser's: three emails for each."""
    campaign = make_campaign(url, contacts=contacts, steps=_STEPS, mailboxes=_MAILBOXES)
    office = Office(url)
    await office.enroll(campaign)
    await office.plan(campaign.workspace_id)
    await office.aclose()
    settle(url)
    database = open_database(url, Role.API)
    async with database.transaction(campaign.workspace_id) as conn:
        key = await create_api_key(conn, campaign.workspace_id, name="benchmark")
    await database.aclose()
    return Archive(url, key, campaign.workspace_id, campaign.sequence_id)


def measure_round(
    archive: Archive, directory: Path, rounds: Rounds, *, requests: int, many: int = _MANY
) -> None:
    """Measure the floor, the peer and us, one after the other, each as the only server."""
    url, workspace_id = archive.url, archive.workspace_id
    with plain_endpoint(directory, url=url, workspace_id=workspace_id) as server:
        floor = _asked(server, clients=_FEW, requests=requests)
        expected = same_answer(server, request_body())
    with yoga(directory, url=url, workspace_id=workspace_id) as server:
        same_answer(server, request_body(), expected=expected)
        peer = _asked(server, clients=_FEW, requests=requests)
    with drumbeat_api(directory, url=url, key=archive.key) as server:
        same_answer(server, request_body(), expected=expected)
        ours = _asked(server, clients=_FEW, requests=requests)
        note(rounds, RATE, ours.rate, floor.rate)
        note(rounds, PERCENTILE, ours.p95_ms, peer.p95_ms)
        crowd = _asked(server, clients=many, requests=max(requests, many))
        note(rounds, CROWD, crowd.rate, ours.rate)
        note(rounds, FAR, *_far_and_near(url, server, requests=requests // 10))
        enrolled = measure_enrolling(url, server, archive.sequence_id, contacts=_ENROLLED)
        note(rounds, ENROLL, enrolled.value, enrolled.floor)


def measure_memory(
    archive: Archive, directory: Path, rounds: Rounds, *, seconds: float, many: int = _MANY
) -> None:
    """Measure the memory after a crowd asked for so many *seconds*; the floor is that after its beginning."""
    with drumbeat_api(directory, url=archive.url, key=archive.key) as server:
        _asked(server, clients=many, requests=2 * many)
        before, until = server.memory_mb(), monotonic() + seconds
        while monotonic() < until:
            _asked(server, clients=many, requests=2 * many)
        note(rounds, MEMORY, server.memory_mb(), before)


def _asked(server: Server, *, clients: int, requests: int, body: bytes | None = None) -> Load:
    """What came of so many *requests* by *clients* who ask at once; all are to be answered."""
    load = ask(server.target(body or request_body()), clients=clients, each=max(1, requests // clients))
    if load.failed:
        raise WrongResult(f"{load.failed} requests of {clients} clients had no answer, or an error")
    return load


def _far_and_near(url: str, server: Server, *, requests: int) -> tuple[float, float]:
    """Milliseconds for a page far back in the list, and for the first; asked in turns."""
    far, near = request_body(after=_cursor(url, PAGE * (_FAR_PAGE - 1))), request_body()
    took: dict[bytes, list[float]] = {far: [], near: []}
    for _ in range(5):
        for body, seconds in took.items():
            seconds += _asked(server, clients=1, requests=max(2, requests // 5), body=body).latencies
    return median(took[far]) * 1000, median(took[near]) * 1000


def _cursor(url: str, entries: int) -> str:
    """The place after so many emails, or after all of them but a page."""
    with psycopg.connect(libpq_url(url), options="-c timezone=UTC") as conn:
        row = conn.execute(
            """
            SELECT (CASE WHEN send_at IS NULL THEN 'infinity'::timestamptz ELSE send_at END)::text, id::text
            FROM scheduled_emails
            ORDER BY CASE WHEN send_at IS NULL THEN 'infinity'::timestamptz ELSE send_at END, id
            OFFSET least(%s, (SELECT count(*) FROM scheduled_emails) - %s) - 1 LIMIT 1
            """,
            [entries, PAGE],
        ).fetchone()
    if row is None:
        raise WrongResult("there are no emails to page through")
    return cursor_of((row[0], row[1]))


def allow_connections() -> None:
    """Let this process and the servers that it starts have as many connections open as they may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main(
    contacts: Annotated[int, typer.Option(min=100, help="Contacts, with three emails each.")] = 50_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 3,
    requests: Annotated[int, typer.Option(min=100, help="Requests of one measurement.")] = 4_000,
    seconds: Annotated[float, typer.Option(min=1, help="How long memory is watched.")] = 30,
) -> None:
    """Write a line of JSON per figure to standard output, and a table to standard error."""
    measured: Rounds = {}
    allow_connections()
    with own_database() as url, tempfile.TemporaryDirectory(prefix="drumbeat-bench-") as directory:
        archive = asyncio.run(make_archive(url, contacts=contacts))
        for _ in range(rounds):
            measure_round(archive, Path(directory), measured, requests=requests)
        measure_memory(archive, Path(directory), measured, seconds=seconds)
    title = f"The API with {contacts:,} contacts and {_STEPS * contacts:,} emails, {rounds} rounds"
    report(figures_of(measured), title=title, width=150)


if __name__ == "__main__":
    typer.run(main)
