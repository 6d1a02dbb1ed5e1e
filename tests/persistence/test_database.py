"""The way to PostgreSQL: roles, transactions, workspaces and notifications."""

import asyncio
from datetime import UTC, date, datetime
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from domain.ids import WorkspaceId
from persistence.database import Database, Role, libpq_url, listen, notify, open_database, sqlalchemy_url
from persistence.ids import uuid7
from persistence.tables import workspaces
from tests.support.world import make_workspace

SESSION = text(
    "SELECT current_user, current_setting('TimeZone'), current_setting('application_name'),"
    " current_setting('statement_timeout'), current_setting('jit')"
)


@pytest.mark.parametrize(
    ("role", "session"),
    [
        (Role.API, ("drumbeat_api", "UTC", "drumbeat api", "10s", "off")),
        (Role.WORKER, ("drumbeat_worker", "UTC", "drumbeat worker", "0", "off")),
        (Role.OWNER, ("drumbeat_owner", "UTC", "drumbeat owner", "0", "off")),
    ],
)
async def test_a_connection_has_the_settings_of_its_role(
    database_url: str, role: Role, session: tuple[str, ...]
) -> None:
    """From its first statement on, whatever the login is."""
    database = open_database(database_url, role)

    async with database.transaction() as conn:
        found = (await conn.execute(SESSION)).one()
    await database.aclose()

    assert tuple(found) == session


async def test_options_of_the_url_are_kept(database_url: str) -> None:
    """What the operator wrote into the URL holds beside our own settings."""
    database = open_database(f"{database_url}&options=-c%20work_mem%3D12MB", Role.WORKER)

    async with database.transaction() as conn:
        found = (await conn.execute(text("SELECT current_setting('work_mem'), current_user"))).one()
    await database.aclose()

    assert tuple(found) == ("12MB", "drumbeat_worker")


async def test_a_pool_ends_at_its_size(database_url: str) -> None:
    """A second transaction waits for the only connection; it does not open another one."""
    database = open_database(database_url, Role.WORKER, pool_size=1)

    async with database.transaction():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), database.transaction():
                pass
    await database.aclose()


async def test_a_transaction_that_raises_leaves_nothing(worker_db: Database) -> None:
    """All of it or nothing."""

    async def change_my_mind() -> None:
        async with worker_db.transaction() as conn:
            await make_workspace(conn)
            raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        await change_my_mind()

    async with worker_db.transaction() as conn:
        assert await conn.scalar(select(func.count()).select_from(workspaces)) == 0


async def test_a_transaction_knows_its_workspace(api_db: Database) -> None:
    """The setting that the policies read."""
    workspace_id = WorkspaceId(uuid4())

    async with api_db.transaction(workspace_id) as conn:
        setting = await conn.scalar(text("SELECT current_setting('drumbeat.workspace')"))

    assert setting == str(workspace_id)


async def test_a_snapshot_sees_one_moment_and_writes_nothing(worker_db: Database, api_db: Database) -> None:
    """What others commit meanwhile is not in it; the connection writes again afterwards."""
    names = text("SELECT name FROM workspaces")
    rename = text("UPDATE workspaces SET name = 'Renamed'")
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn, name="Before")

    async with api_db.snapshot(workspace_id) as snapshot:
        before = await snapshot.scalar(names)
        async with api_db.transaction(workspace_id) as conn:
            await conn.execute(rename)
        after = await snapshot.scalar(names)
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await snapshot.execute(rename)
    async with api_db.transaction(workspace_id) as conn:
        await conn.execute(rename)
        seen = await conn.scalar(names)

    assert (before, after, seen) == ("Before", "Before", "Renamed")


async def test_a_pool_survives_the_loss_of_its_connection(worker_db: Database, database_url: str) -> None:
    """A server that restarted costs a round trip, not an error."""
    async with worker_db.transaction() as conn:
        before = await conn.scalar(select(func.pg_backend_pid()))
    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [before])

    async with worker_db.transaction() as conn:
        after = await conn.scalar(select(func.pg_backend_pid()))

    assert after != before


async def test_a_topic_is_heard_when_its_transaction_commits(worker_db: Database, database_url: str) -> None:
    """Once for equal topics of one transaction, and in the order in which they were told."""
    async with listen(database_url) as listener:
        async with worker_db.transaction() as conn:
            await notify(conn, "plan")
            await notify(conn, "dispatch")
            await notify(conn, "plan")
            early = await listener.next(0.05)
        heard = [await listener.next(5), await listener.next(5), await listener.next(0.05)]

    assert early is None
    assert heard == ["plan", "dispatch", None]


async def test_nothing_is_heard_of_a_transaction_that_is_rolled_back(
    worker_db: Database, database_url: str
) -> None:
    """A notification leaves with the commit or not at all."""
    async with listen(database_url) as listener:
        async with worker_db.engine.connect() as conn:
            await notify(conn, "plan")
            await conn.rollback()

        assert await listener.next(0.05) is None


async def test_a_listener_notices_that_its_connection_is_gone(database_url: str) -> None:
    """It raises instead of waiting for ever, so that whoever listens can look for what it missed."""
    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        async with listen(database_url) as listener:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'drumbeat worker listener' AND datname = current_database()"
            )

            with pytest.raises(psycopg.OperationalError):
                await listener.next(5)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_the_usual_schemes_are_taken(scheme: str) -> None:
    """SQLAlchemy gets psycopg 3, psycopg gets what libpq knows; nothing else of the URL changes."""
    url = f"{scheme}://login:p%40ss@db.example.com:5433/mail?sslmode=require"

    assert sqlalchemy_url(url).drivername == "postgresql+psycopg"
    assert sqlalchemy_url(url).password == "p@ss"
    assert libpq_url(url) == "postgresql://login:p%40ss@db.example.com:5433/mail?sslmode=require"


async def test_arrays_arrive_as_they_were_sent(worker_db: Database) -> None:
    """They travel in binary: of every type that statements have, with gaps, and empty."""
    arrays: dict[str, list[object]] = {
        "uuid": [uuid7(), None, uuid7()],
        "text": ["plain", 'with, "signs" {}', "", None],
        "integer": [1, 40_000, -70_000],
        "date": [date(2026, 3, 29)],
        "timestamptz": [datetime(2026, 3, 29, 1, 30, tzinfo=UTC), None],
        "bytea": [b"\x00\xff"],
        "bigint": [],
    }

    async with worker_db.transaction() as conn:
        found = {
            name: await conn.scalar(text(f"SELECT CAST(:sent AS {name}[])"), {"sent": sent})
            for name, sent in arrays.items()
        }

    assert found == arrays
