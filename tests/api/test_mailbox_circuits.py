"""The circuit of a mailbox, as its owner sees it."""

from datetime import datetime, timedelta

import pytest

from api.ids import global_id
from persistence.database import Database
from tests.api.client import ApiClient
from tests.support.world import MONDAY, make_mailbox


@pytest.mark.parametrize(
    ("host_troubles", "until", "state"),
    [
        (0, None, "CLOSED"),
        (2, None, "CLOSED"),
        (3, MONDAY + timedelta(minutes=1), "OPEN"),
        (3, MONDAY, "HALF_OPEN"),
    ],
)
async def test_a_mailbox_tells_of_trouble_with_its_server(
    api: ApiClient, worker_db: Database, host_troubles: int, until: datetime | None, state: str
) -> None:
    """How often in a row, the last of it, and until when the server is left alone; by business time."""
    error = "421 4.3.2 shutting down" if host_troubles else None
    columns = {"host_troubles": host_troubles, "host_rests_until": until, "host_error": error}
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, **columns)

    data = await api.data(
        "query ($id: ID!) { mailbox(id: $id) { circuit { state troubles until lastError } } }",
        id=global_id("Mailbox", mailbox_id),
    )

    assert data["mailbox"]["circuit"] == {
        "state": state,
        "troubles": host_troubles,
        "until": until and until.isoformat().replace("+00:00", "Z"),
        "lastError": error,
    }
