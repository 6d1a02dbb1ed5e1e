"""Making and revoking API keys through the API."""

import httpx

from api.ids import global_id
from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, mutate, refused, sequence

MADE = "key apiKey { id name expiresAt revokedAt lastUsedAt }"


async def opens(http: httpx.AsyncClient, key: str) -> bool:
    asked = {"query": "{ viewer { workspace { name } } }"}
    response = await http.post("/graphql", json=asked, headers={"Authorization": f"Bearer {key}"})
    return response.status_code == 200


async def test_a_key_is_made_shown_once_and_revoked(api: ApiClient, http: httpx.AsyncClient) -> None:
    """It opens the workspace until then; revoking it twice changes nothing."""
    made = await done(api, "createApiKey", MADE, name="dashboard", expiresAt="2126-01-01T00:00:00Z")
    opened = await opens(http, made["key"])
    given = {"apiKeyId": made["apiKey"]["id"]}

    revoked = await done(api, "revokeApiKey", "apiKey { id name revokedAt }", **given)
    again = await done(api, "revokeApiKey", "apiKey { id name revokedAt }", **given)

    assert made["key"].startswith("db_")
    assert made["apiKey"] | given == {
        "id": made["apiKey"]["id"],
        "apiKeyId": made["apiKey"]["id"],
        "name": "dashboard",
        "expiresAt": "2126-01-01T00:00:00Z",
        "revokedAt": None,
        "lastUsedAt": None,
    }
    assert opened
    assert revoked["apiKey"]["revokedAt"] is not None
    assert again == revoked
    assert not await opens(http, made["key"])


async def test_a_wrong_key_is_not_made(api: ApiClient, worker_db: Database) -> None:
    """Without a name, or that would be over before it begins: business time stands in March 2026."""
    errors = await refused(api, worker_db, "createApiKey", name=" ", expiresAt="2026-03-02T09:00:00Z")

    assert errors == [
        error("BLANK", "name", "Give it a name."),
        error("OUT_OF_RANGE", "expiresAt", "It would have stopped to work already."),
    ]


async def test_a_key_of_another_workspace_is_not_revoked(
    api: ApiClient, stranger: ApiClient, http: httpx.AsyncClient
) -> None:
    """It does not exist here, and goes on working there."""
    made = await done(stranger, "createApiKey", MADE, name="theirs")

    foreign = await mutate(api, "revokeApiKey", apiKeyId=made["apiKey"]["id"])
    wrong = await mutate(api, "revokeApiKey", apiKeyId=sequence(api.workspace_id))
    unknown = await mutate(api, "revokeApiKey", apiKeyId=global_id("ApiKey", api.workspace_id))

    expected = [error("NOT_FOUND", "apiKeyId", "There is no API key with this id.")]
    assert (foreign["userErrors"], unknown["userErrors"]) == (expected, expected)
    assert wrong["userErrors"][0]["code"] == "INVALID_ID"
    assert await opens(http, made["key"])
