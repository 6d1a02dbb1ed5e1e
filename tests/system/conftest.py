"""A database, a virtual host and a directory for one installation each."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from app.founding import found_workspace
from persistence.database import Database, Role, open_database
from persistence.migrations import migrate
from tests.support.postgres import drop_database, make_database


@pytest.fixture
def installation_url(postgres_url: str) -> Iterator[str]:
    """A migrated database of its own: the processes of one test must not see another's work."""
    name = f"drumbeat_system_{uuid4().hex[:8]}"
    url = make_database(postgres_url, name)
    migrate(url)
    yield url
    drop_database(postgres_url, name)


@pytest.fixture
async def database(installation_url: str) -> AsyncIterator[Database]:
    database = open_database(installation_url, Role.WORKER)
    yield database
    await database.aclose()


@pytest.fixture
async def api_key(installation_url: str) -> str:
    _, key = await found_workspace(installation_url, name="Welcome Ltd", zone="Europe/Berlin")
    return key
