"""Finding things of any kind by their ids."""

import graphql

from api.ids import global_id
from persistence.database import Database
from persistence.ids import uuid7
from tests.api.client import ApiClient
from tests.api.one_of_each import one_of_each
from tests.api.published import SCHEMA

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


async def test_every_kind_of_thing_is_found_by_its_id(
    api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """All that the schema calls a Node, in the order in which they are asked for."""
    keys = await one_of_each(api, worker_db, api_db)
    ids = [global_id(kind, key) for kind, key in keys.items()]

    data = await api.data(NODES, ids=ids)

    assert data["nodes"] == [
        {"__typename": kind, "id": wanted} for kind, wanted in zip(keys, ids, strict=True)
    ]
    interface = SCHEMA.type_map["Node"]
    assert isinstance(interface, graphql.GraphQLInterfaceType)
    assert {kind.name for kind in SCHEMA.get_possible_types(interface)} == set(keys)


async def test_another_workspaces_things_are_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """One by one, and null in a list; the list goes on."""
    keys = await one_of_each(stranger, worker_db, api_db)
    ids = [global_id(kind, key) for kind, key in keys.items()]
    mine = global_id("Workspace", api.workspace_id)

    refusals = [await api.refusal(NODE, id=wanted) for wanted in ids]
    data = await api.data(NODES, ids=[*ids, mine])

    assert set(refusals) == {("NOT_FOUND", "There is no node with this id.")}
    assert data["nodes"] == [None] * len(ids) + [{"__typename": "Workspace", "id": mine}]


async def test_what_is_no_id_is_refused(api: ApiClient) -> None:
    """Also one of a kind that there is not."""
    unknown = global_id("Nothing", uuid7())

    assert (await api.refusal(NODE, id="x"))[0] == "BAD_USER_INPUT"
    assert await api.refusal(NODE, id=unknown) == ("BAD_USER_INPUT", f"“{unknown}” is not an id.")


async def test_of_several_what_is_no_id_is_nothing(api: ApiClient) -> None:
    """At its place; the others are found all the same."""
    workspace = global_id("Workspace", api.workspace_id)

    found = (await api.data(NODES, ids=["zz", workspace, global_id("Nothing", uuid7())]))["nodes"]

    assert found == [None, {"__typename": "Workspace", "id": workspace}, None]


async def test_a_hundred_things_can_be_asked_for_at_once(api: ApiClient) -> None:
    """No more."""
    ids = [global_id("Contact", uuid7()) for _ in range(101)]

    data = await api.data(NODES, ids=ids[:100])

    assert data["nodes"] == [None] * 100
    assert await api.refusal(NODES, ids=ids) == ("BAD_USER_INPUT", "Ask for at most 100 ids.")
