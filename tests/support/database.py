"""A migrated database for the tests of one process, empty at the beginning of each test."""

from collections.abc import AsyncIterator, Iterator

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


@pytest.fixture
def database_url(migrated_database: str) -> str:
    """The URL, as superuser, of a migrated database without rows."""
    # A transaction that an earlier test left open would block this for ever: fail and say so.
    options = "-c lock_timeout=5s"
    with psycopg.connect(libpq_url(migrated_database), autocommit=True, options=options) as conn:
        conn.execute(_EMPTY)
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
