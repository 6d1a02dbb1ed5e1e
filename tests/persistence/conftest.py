"""What the tests of the delivery begin with."""

import pytest

from persistence.database import Database
from tests.persistence.delivery import Delivery, make_delivery


@pytest.fixture
async def delivery(worker_db: Database) -> Delivery:
    """A workspace with an active sequence of two steps and one mailbox of 30 a day, and no email yet."""
    return await make_delivery(worker_db)
