"""Asking for contacts."""

from api.ids import global_id
from persistence.database import Database
from tests.api.client import ApiClient
from tests.support.world import MONDAY, make_contact

EMAILS = "query ($filter: ContactFilter) { contacts(filter: $filter) { nodes { email } } }"


async def test_a_contact_is_answered_with_its_fields(api: ApiClient, worker_db: Database) -> None:
    """Custom fields are JSON."""
    async with worker_db.transaction() as conn:
        contact_id = await make_contact(
            conn,
            api.workspace_id,
            email="Reader@example.test",
            first_name="Reader",
            company="Example",
            zone="Europe/Berlin",
            custom_fields={"plan": "gold", "seats": 3},
            status="BOUNCED",
            bounced_at=MONDAY,
        )

    data = await api.data(
        """query ($id: ID!) { contact(id: $id) {
            email firstName lastName company phone zone customFields status bouncedAt unsubscribedAt
        } }""",
        id=global_id("Contact", contact_id),
    )

    assert data["contact"] == {
        "email": "Reader@example.test",
        "firstName": "Reader",
        "lastName": None,
        "company": "Example",
        "phone": None,
        "zone": "Europe/Berlin",
        "customFields": {"plan": "gold", "seats": 3},
        "status": "BOUNCED",
        "bouncedAt": "2026-03-02T09:00:00Z",
        "unsubscribedAt": None,
    }


async def test_contacts_are_found_by_address_and_state(api: ApiClient, worker_db: Database) -> None:
    """An address in any case; deleted ones only when asked for."""
    async with worker_db.transaction() as conn:
        await make_contact(conn, api.workspace_id, email="First@example.test")
        await make_contact(conn, api.workspace_id, email="second@example.test", updated_at=MONDAY)
        await make_contact(conn, api.workspace_id, email="third@example.test", status="DELETED")

    everybody = await api.data(EMAILS)
    first = await api.data(EMAILS, filter={"email": "FIRST@Example.test"})
    deleted = await api.data(EMAILS, filter={"status": ["DELETED"]})
    unchanged = await api.data(EMAILS, filter={"updatedSince": "2999-01-01T00:00:00Z"})

    assert [node["email"] for node in everybody["contacts"]["nodes"]] == [
        "second@example.test",
        "First@example.test",
    ]
    assert first == {"contacts": {"nodes": [{"email": "First@example.test"}]}}
    assert deleted == {"contacts": {"nodes": [{"email": "third@example.test"}]}}
    assert unchanged == {"contacts": {"nodes": []}}


async def test_an_address_that_is_none_is_refused(api: ApiClient) -> None:
    """Instead of finding nobody."""
    code, message = await api.refusal(EMAILS, filter={"email": "nobody"})

    assert (code, message) == ("BAD_USER_INPUT", "An email address must have an @-sign.")


async def test_another_workspaces_contact_is_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Nor by its address."""
    async with worker_db.transaction() as conn:
        contact_id = await make_contact(conn, stranger.workspace_id, email="reader@example.test")

    refusal = await api.refusal(
        "query ($id: ID!) { contact(id: $id) { email } }", id=global_id("Contact", contact_id)
    )

    assert refusal == ("NOT_FOUND", "There is no contact with this id.")
    assert await api.data(EMAILS, filter={"email": "reader@example.test"}) == {"contacts": {"nodes": []}}
