"""The suppression list through the API."""

import pytest

from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, refused
from tests.support.world import make_contact, make_email, make_enrollment, make_mailbox, make_sequence


async def test_suppressing_stops_what_is_planned(api: ApiClient, worker_db: Database) -> None:
    """For the addresses that contacts have; the others are on the list as well."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        key = await make_sequence(conn, api.workspace_id)
        contact_id = await make_contact(conn, api.workspace_id, email="ada@example.test")
        enrolled = await make_enrollment(conn, api.workspace_id, key, contact_id, mailbox_id=mailbox_id)
        await make_email(conn, enrolled)

    addresses = ["ADA@example.test", "nobody@example.test", "nobody@Example.test"]
    first = await done(api, "suppress", "suppressed", emails=addresses)
    second = await done(api, "suppress", "suppressed", emails=addresses)

    written = await everything(worker_db)
    assert (first["suppressed"], second["suppressed"]) == (2, 0)
    assert {(row.address, row.reason) for row in written["suppressions"]} == {
        ("ada@example.test", "MANUAL"),
        ("nobody@example.test", "MANUAL"),
    }
    assert [row.status for row in written["enrollments"]] == ["CANCELLED"]
    assert [row.status for row in written["scheduled_emails"]] == ["CANCELLED"]
    assert [row.status for row in written["contacts"]] == ["ACTIVE"]


async def test_an_address_can_be_taken_off_the_list(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Of this workspace only."""
    await done(api, "suppress", "suppressed", emails=["a@example.test"])
    await done(stranger, "suppress", "suppressed", emails=["a@example.test"])

    payload = await done(api, "unsuppress", "unsuppressed", emails=["A@example.test", "b@example.test"])

    [left] = (await everything(worker_db))["suppressions"]
    assert payload["unsuppressed"] == 1
    assert left.workspace_id == stranger.workspace_id


@pytest.mark.parametrize("mutation", ["suppress", "unsuppress"])
async def test_what_is_no_address_is_refused(api: ApiClient, worker_db: Database, mutation: str) -> None:
    """The others are not taken either."""
    emails = ["a@example.test", "nonsense", "b@example.test\r\nc@example.test"]

    errors = await refused(api, worker_db, mutation, emails=emails)
    too_many = await refused(api, worker_db, mutation, emails=["a@ex.test"] * 5_001)

    assert errors == [
        error("INVALID_ADDRESS", "emails.1", "An email address must have an @-sign."),
        error("INVALID_ADDRESS", "emails.2", "It contains a line break or another control character."),
    ]
    assert too_many == [error("TOO_MANY", "emails", "There are more than 5000.")]
