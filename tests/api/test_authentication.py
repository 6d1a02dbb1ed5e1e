"""API keys: who may ask, and what each key opens."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import update

from api.context import Services
from persistence.api_keys import create_api_key
from persistence.tables import api_keys
from tests.api.client import ApiClient

VIEWER = {"query": "{ viewer { workspace { name } } }"}
REFUSAL = {
    "errors": [
        {
            "message": "Send a valid API key: `Authorization: Bearer db_…`.",
            "extensions": {"code": "UNAUTHENTICATED"},
        }
    ]
}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer db_unknown"},
        {"Authorization": "Basic ZGI6ZGI="},
        {"Authorization": "db_unknown"},
    ],
)
async def test_without_a_valid_key_nothing_is_answered(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """401 with the scheme that would do (RFC 6750 §3), the same for every reason."""
    response = await http.post("/graphql", json=VIEWER, headers=headers)

    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert response.json() == REFUSAL


async def test_a_key_is_looked_at_before_the_body(http: httpx.AsyncClient) -> None:
    """Who has no key learns nothing about what is wrong with the request."""
    response = await http.post("/graphql", content=b"{", headers={"Content-Type": "application/json"})

    assert response.status_code == 401


async def test_the_scheme_is_taken_in_any_case(api: ApiClient) -> None:
    """RFC 9110 §11.1: schemes are case-insensitive."""
    key = api.http.headers["authorization"].removeprefix("Bearer ")

    response = await api.http.post("/graphql", json=VIEWER, headers={"Authorization": f"bearer {key}"})

    assert response.status_code == 200


async def test_an_expired_key_opens_nothing(
    http: httpx.AsyncClient, api: ApiClient, services: Services
) -> None:
    """From the moment on at which it expires."""
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    async with services.database.transaction(api.workspace_id) as conn:
        key = await create_api_key(conn, api.workspace_id, name="old", expires_at=an_hour_ago)

    response = await http.post("/graphql", json=VIEWER, headers={"Authorization": f"Bearer {key}"})

    assert (response.status_code, response.json()) == (401, REFUSAL)


async def test_a_revoked_key_opens_nothing_any_more(api: ApiClient, services: Services) -> None:
    """At once: nothing about keys is remembered."""
    before = await api.http.post("/graphql", json=VIEWER)
    async with services.database.transaction(api.workspace_id) as conn:
        await conn.execute(update(api_keys).values(revoked_at=datetime.now(UTC)))

    after = await api.http.post("/graphql", json=VIEWER)

    assert (before.status_code, after.status_code) == (200, 401)


async def test_each_key_opens_its_own_workspace(api: ApiClient, stranger: ApiClient) -> None:
    """Two callers of one process see two workspaces."""
    document = "{ viewer { workspace { id } } }"

    mine, theirs = await api.data(document), await stranger.data(document)

    assert mine != theirs
