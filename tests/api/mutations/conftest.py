"""What tests of mutations begin with."""

import pytest

from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.intervening import Office


@pytest.fixture
async def office(api: ApiClient, worker_db: Database) -> Office:
    """Open, and nobody is enrolled yet."""
    return await Office(api, worker_db).open()
