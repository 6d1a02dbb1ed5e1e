"""A database, a virtual host and a directory for one installation each."""

from collections.abc import AsyncIterator, Iterator

import pytest

from app.founding import found_workspace
from persistence.database import Database, Role, open_database
from tests.support.postgres import migrated


@pytest.fixture
def installation_url(postgres_url: str) -> Iterator[str]:
    """A migrated database of its own: the processes of one test must not see another's work."""
    with migrated(postgres_url) as url:
        yield url


@pytest.fixture
async def database(installation_url: str) -> AsyncIterator[Database]:
    database = open_database(installation_url, Role.WORKER)
    yield database
    await database.aclose()


@pytest.fixture
async def api_key(installation_url: str) -> str:
    _, key = await found_workspace(installation_url, name="Welcome Ltd", zone="Europe/Berlin")
    return key
