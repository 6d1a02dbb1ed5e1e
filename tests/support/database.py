"""A migrated database for the tests of one process, empty at the beginning of each test."""

from collections.abc import AsyncIterator, Callable, Iterator

import psycopg
import pytest

from persistence.database import Database, Role, libpq_url, open_database
from persistence.tables import metadata
from tests.support.postgres import empty, migrated

_EMPTY = "; ".join(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables))


@pytest.fixture(scope="session")
def migrated_database(postgres_url: str) -> Iterator[str]:
    """The URL of this process's own database; migrated from empty, which is as fast as a copy."""
    with migrated(postgres_url) as url:
        yield url


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    """The URL of a database in which nothing was ever made."""
    with empty(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def sweep(migrated_database: str) -> Iterator[Callable[[], None]]:
    """Deletes all rows, over a connection that is kept: a fresh one takes ten times as long for it."""

    def connected() -> psycopg.Connection:
        # A transaction that an earlier test left open would block this for ever: fail and say so.
        options = "-c lock_timeout=5s"
        return psycopg.connect(libpq_url(migrated_database), autocommit=True, options=options)

    conn = connected()

    def sweep() -> None:
        nonlocal conn
        try:
            conn.execute(_EMPTY)
        except psycopg.OperationalError:
            if not conn.closed:
                raise
            # A test took the database away.
            conn = connected()
            conn.execute(_EMPTY)

    yield sweep
    conn.close()


@pytest.fixture
def database_url(migrated_database: str, sweep: Callable[[], None]) -> str:
    """The URL, as superuser, of a migrated database without rows."""
    sweep()
    return migrated_database


@pytest.fixture
async def worker_db(database_url: str) -> AsyncIterator[Database]:
    """The empty database as planner, dispatcher and sender have it: all workspaces at once."""
    database = open_database(database_url, Role.WORKER)
    yield database
    await database.aclose()


@pytest.fixture
async def api_db(database_url: str) -> AsyncIterator[Database]:
    """The empty database as the API has it: one workspace per transaction."""
    database = open_database(database_url, Role.API)
    yield database
    await database.aclose()
