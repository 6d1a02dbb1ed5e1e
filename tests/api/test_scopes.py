"""Scopes: what each key may do, and that none may do more."""

import graphql
import pytest

from api.context import Services
from domain.access import Scope
from persistence.api_keys import create_api_key
from persistence.database import Database
from tests.api.browser import Browser
from tests.api.client import ApiClient
from tests.api.examples import example
from tests.api.mutations.asking import done, error, everything, refused
from tests.api.published import SCHEMA

OF_ADMIN = {
    "createApiKey",
    "revokeApiKey",
    "inviteMember",
    "revokeInvitation",
    "updateMember",
    "removeMember",
}
VIEWER = "{ viewer { name email avatarUrl role scopes } }"


async def keep(api: ApiClient, services: Services, *scopes: Scope) -> ApiClient:
    """The same client with a key that has these scopes alone."""
    async with services.database.transaction(api.workspace_id) as conn:
        key = await create_api_key(conn, api.workspace_id, name="narrow", scopes=scopes)
    api.http.headers["Authorization"] = f"Bearer {key}"
    return api


def _every_mutation() -> list[str]:
    assert SCHEMA.mutation_type is not None
    return sorted(SCHEMA.mutation_type.fields)


def _asked(mutation: str) -> str:
    """The mutation with an input that could not be acted upon: scopes are looked at before it."""
    return f"""
        mutation ($input: {mutation[0].upper()}{mutation[1:]}Input!) {{
            {mutation}(input: $input) {{ userErrors {{ code }} }}
        }}
    """


@pytest.mark.parametrize("scope", Scope)
async def test_a_key_may_do_what_its_scope_says(api: ApiClient, services: Services, scope: Scope) -> None:
    """One of each kind; the others are refused."""
    narrow = await keep(api, services, scope)
    suppress = "mutation { suppress(input: {emails: []}) { userErrors { code } } }"
    make_key = 'mutation { createApiKey(input: {name: " "}) { userErrors { code } } }'

    allowed = {
        kind
        for kind, document in ((Scope.READ, VIEWER), (Scope.WRITE, suppress), (Scope.ADMIN, make_key))
        if "errors" not in await narrow.answer(document)
    }

    assert allowed == {scope}


async def test_a_reader_changes_nothing(api: ApiClient, services: Services, worker_db: Database) -> None:
    """Each mutation that there is refuses it, by the scope that it needs, whatever its input is."""
    reader = await keep(api, services, Scope.READ)
    before = await everything(worker_db)

    for mutation in _every_mutation():
        assert SCHEMA.mutation_type is not None
        kind = SCHEMA.mutation_type.fields[mutation].args["input"].type
        assert isinstance(kind, graphql.GraphQLNonNull)
        given = example(kind.of_type)
        scope = Scope.ADMIN if mutation in OF_ADMIN else Scope.WRITE
        told = ("FORBIDDEN", f"This needs the scope {scope}, which you do not have.")
        assert await reader.refusal(_asked(mutation), input=given) == told, mutation

    assert await everything(worker_db) == before


async def test_a_query_without_the_scope_is_403(api: ApiClient, services: Services) -> None:
    """Nothing of it is executed."""
    writer = await keep(api, services, Scope.WRITE)

    response = await writer.http.post("/graphql", json={"query": VIEWER})

    assert (response.status_code, response.json().keys()) == (403, {"errors"})
    assert response.json()["errors"][0]["message"] == "This needs the scope READ, which you do not have."


async def test_a_key_is_made_with_the_scopes_that_are_asked_for(api: ApiClient) -> None:
    """READ and WRITE where nothing is said."""
    ordinary = await done(api, "createApiKey", "apiKey { scopes }", name="ordinary")
    reader = await done(api, "createApiKey", "apiKey { scopes }", name="reader", scopes=["READ"])

    assert ordinary["apiKey"]["scopes"] == ["READ", "WRITE"]
    assert reader["apiKey"]["scopes"] == ["READ"]


async def test_nobody_makes_a_key_that_may_do_more(
    api: ApiClient, services: Services, worker_db: Database
) -> None:
    """A key of an administrator alone cannot be turned into one that writes."""
    admin = await keep(api, services, Scope.ADMIN)

    beyond = await refused(admin, worker_db, "createApiKey", name="more", scopes=["WRITE", "ADMIN", "READ"])
    none = await refused(admin, worker_db, "createApiKey", name="none", scopes=[])

    assert beyond == [error("EXCEEDS_SCOPES", "scopes", "You do not have READ, WRITE yourself.")]
    assert none == [error("BLANK", "scopes", "Give it at least one scope.")]


async def test_a_key_knows_itself(api: ApiClient) -> None:
    """It has no address, no picture and no role."""
    data = await api.data(VIEWER)

    assert data["viewer"] == {
        "name": "tests",
        "email": None,
        "avatarUrl": None,
        "role": None,
        "scopes": ["READ", "WRITE", "ADMIN"],
    }


async def test_a_key_that_one_process_revoked_opens_nothing_in_another(
    api: ApiClient, browser: Browser
) -> None:
    """At once: no process remembers a key."""
    made = await done(api, "createApiKey", "key apiKey { id }", name="dashboard")
    bearer = {"Authorization": f"Bearer {made['key']}"}

    before = await browser.http.post("/graphql", json={"query": VIEWER}, headers=bearer)
    await done(api, "revokeApiKey", "apiKey { id }", apiKeyId=made["apiKey"]["id"])
    after = await browser.http.post("/graphql", json={"query": VIEWER}, headers=bearer)

    assert (before.status_code, after.status_code) == (200, 401)


async def test_keys_are_listed_without_the_keys(api: ApiClient, stranger: ApiClient) -> None:
    """Of this workspace, the newest first; revoked ones stay."""
    await done(stranger, "createApiKey", "key", name="theirs")
    made = await done(api, "createApiKey", "apiKey { id }", name="dashboard", scopes=["READ"])
    await done(api, "revokeApiKey", "apiKey { id }", apiKeyId=made["apiKey"]["id"])

    data = await api.data("{ apiKeys { totalCount nodes { name scopes revokedAt } } }")

    dashboard, first = data["apiKeys"]["nodes"]
    assert data["apiKeys"]["totalCount"] == 2
    assert (dashboard["name"], dashboard["scopes"], dashboard["revokedAt"] is None) == (
        "dashboard",
        ["READ"],
        False,
    )
    assert first == {"name": "tests", "scopes": ["READ", "WRITE", "ADMIN"], "revokedAt": None}
