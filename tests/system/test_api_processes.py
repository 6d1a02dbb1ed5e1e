"""Two API processes over one database: what a client is told does not depend on which of them answers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import psycopg
import pytest
from sqlalchemy import func, select, text, update

from api.cookies import SESSION
from api.ids import global_id
from app.founding import found_workspace
from domain.ids import WorkspaceId
from persistence.database import Database, Role, libpq_url, open_database
from persistence.sessions import open_session
from persistence.tables import idempotency_keys, members, sequences
from tests.api.live.watching import logged_in
from tests.support.postgres import migrated
from tests.support.system import System, drumbeat
from tests.support.world import make_email, make_enrollment, make_mailbox, make_member, make_sequence

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

ORIGIN = "https://mail.example.com"
LIMIT = 40
SETTINGS = {"DRUMBEAT_PUBLIC_URL": ORIGIN, "DRUMBEAT_REQUESTS_PER_MINUTE": str(LIMIT)}
# The API asks no broker for anything.
NO_BROKER = "amqp://127.0.0.1:1/"
VIEWER = "{ viewer { workspace { name } } }"
CREATE = """
mutation { createSequence(input: {name: "Spring"}) {
  sequence { id stats { enrolled } } userErrors { code }
} }
"""


@dataclass(frozen=True)
class Office:
    """A workspace of its own, and its database as workers and as the API have it."""

    workspace_id: WorkspaceId
    key: str
    http: httpx.AsyncClient
    worker_db: Database
    api_db: Database

    async def ask(self, system: System, document: str, **headers: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"} | headers
        return await self.http.post(system.graphql, json={"query": document}, headers=headers)

    async def names(self) -> list[str]:
        async with self.api_db.transaction(self.workspace_id) as conn:
            return list(await conn.scalars(select(sequences.c.name)))


@pytest.fixture(scope="module")
def shared_url(postgres_url: str) -> Iterator[str]:
    with migrated(postgres_url) as url:
        yield url


@pytest.fixture(scope="module")
def three(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[System]]:
    """Started together, for all tests of this file; each listens on a port of its own."""
    with ExitStack() as stack, ThreadPoolExecutor() as threads:

        def start(name: str) -> System:
            directory = tmp_path_factory.mktemp(name)
            where = {"database_url": shared_url, "amqp_url": NO_BROKER}
            return stack.enter_context(drumbeat(directory, **where, settings=SETTINGS, names=["api"]))

        yield list(threads.map(start, ("one", "other", "doomed")))


@pytest.fixture
def two(three: list[System]) -> list[System]:
    """Those that live to the end."""
    return three[:2]


@pytest.fixture
async def office(shared_url: str) -> AsyncIterator[Office]:
    workspace_id, key = await found_workspace(shared_url, name="Welcome Ltd", zone="Europe/Berlin")
    worker_db, api_db = open_database(shared_url, Role.WORKER), open_database(shared_url, Role.API)
    async with httpx.AsyncClient(timeout=30) as http:
        yield Office(workspace_id, key, http, worker_db, api_db)
    await worker_db.aclose()
    await api_db.aclose()


async def test_a_session_is_known_to_both(two: list[System], office: Office) -> None:
    """Whoever logs out at one is a stranger to the other at once."""
    async with office.worker_db.transaction() as conn:
        member_id = await make_member(conn, office.workspace_id)
    async with office.api_db.transaction(office.workspace_id) as conn:
        of_member = select(members.c.user_id).where(members.c.id == member_id)
        user_id = (await conn.execute(of_member)).scalar_one()
        token = await open_session(conn, office.workspace_id, user_id)
    cookie = {"Cookie": f"{SESSION}={token}", "Origin": ORIGIN}

    async with httpx.AsyncClient(headers=cookie) as browser:
        before = [await browser.post(system.graphql, json={"query": VIEWER}) for system in two]
        left = await browser.post(two[0].graphql.replace("/graphql", "/auth/logout"))
        after = [await browser.post(system.graphql, json={"query": VIEWER}) for system in two]

    assert [each.json() for each in before] == [
        {"data": {"viewer": {"workspace": {"name": "Welcome Ltd"}}}}
    ] * 2
    assert (left.status_code, [each.status_code for each in after]) == (204, [401, 401])


async def test_requests_are_counted_together(two: list[System], office: Office) -> None:
    """As many are answered as by one of them, but for what one still has in hand when the other has none."""
    async with office.worker_db.transaction() as conn:
        left = await conn.scalar(text("SELECT 60 - extract(second FROM clock_timestamp())"))
    # A minute that ends meanwhile would give the limit anew.
    await asyncio.sleep(float(left) if left < 8 else 0)

    answers = await asyncio.gather(*(office.ask(two[n % 2], VIEWER) for n in range(2 * LIMIT)))

    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 429}
    assert LIMIT - LIMIT // 20 <= codes.count(200) <= LIMIT


async def test_a_mutation_with_a_key_is_done_once(two: list[System], office: Office) -> None:
    """However many ask at once, and at whichever process: all are told the same."""
    answers = await asyncio.gather(
        *(office.ask(two[n % 2], CREATE, **{"Idempotency-Key": "spring"}) for n in range(16))
    )

    assert len({answer.text for answer in answers}) == 1
    assert sorted(answer.headers.get("idempotent-replayed", "") for answer in answers) == [""] + ["true"] * 15
    assert await office.names() == ["Spring"]


async def test_what_changes_at_one_is_told_by_the_other(two: list[System], office: Office) -> None:
    """With the commit, to whoever watches there."""
    async with office.worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, office.workspace_id)
        sequence_id = await make_sequence(conn, office.workspace_id, mailboxes=[mailbox_id])
        enrollment_id = await make_enrollment(conn, office.workspace_id, sequence_id, mailbox_id=mailbox_id)
        email_id = global_id("ScheduledEmail", await make_email(conn, enrollment_id))
    cancel = f'mutation {{ cancelEmail(input: {{emailId: "{email_id}"}}) {{ userErrors {{ code }} }} }}'

    async with logged_in(two[1].graphql.removesuffix("/graphql"), office.key) as watching:
        await watching.subscribe("subscription { emailStatusChanged { changes { status email { id } } } }")
        at_first = await watching.next()
        answered = await office.ask(two[0], cancel)
        told = await watching.next()

    assert answered.json() == {"data": {"cancelEmail": {"userErrors": []}}}
    assert at_first["emailStatusChanged"]["changes"] == []
    assert told["emailStatusChanged"]["changes"] == [{"status": "CANCELLED", "email": {"id": email_id}}]


async def test_what_a_killed_process_had_done_is_told_by_the_next(
    two: list[System], three: list[System], office: Office, shared_url: str
) -> None:
    """Killed between the commit and the answer: nothing is done again, and the id of what it made is told."""
    doomed = three[2]
    with psycopg.connect(libpq_url(shared_url)) as admin:
        # The mutation needs no enrollments; its answer counts them, and waits.
        admin.execute("LOCK TABLE enrollments IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(office.ask(doomed, CREATE, **{"Idempotency-Key": "doomed"}))
        async with asyncio.timeout(30):
            while await office.names() != ["Spring"]:
                await asyncio.sleep(0.02)
        doomed.kill("api")
    with pytest.raises(httpx.HTTPError):
        await asking
    async with office.api_db.transaction(office.workspace_id) as conn:
        # Its claim would end after 30 seconds.
        await conn.execute(update(idempotency_keys).values(claimed_until=func.now()))

    told = [(await office.ask(system, CREATE, **{"Idempotency-Key": "doomed"})).json() for system in two]
    made = await office.ask(two[0], "{ sequences { nodes { id } } }")

    [sequence] = made.json()["data"]["sequences"]["nodes"]
    for answer in told:
        [error] = answer["errors"]
        assert error["path"] == ["createSequence"]
        assert error["extensions"] == {"code": "ALREADY_DONE", "objectId": sequence["id"]}
    assert await office.names() == ["Spring"]
