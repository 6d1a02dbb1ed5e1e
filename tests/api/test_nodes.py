"""Finding things of any kind by their ids."""

from uuid import UUID

import graphql
from sqlalchemy import insert, select

from api.ids import global_id
from api.schema import print_sdl
from domain.ids import SequenceId, WorkspaceId
from persistence.database import Database
from persistence.ids import uuid7
from persistence.tables import api_keys, batches, email_events, email_moves, recalculations, steps
from tests.api.client import ApiClient
from tests.support.world import (
    MONDAY,
    make_contact,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


async def _one_of_each(api: ApiClient, worker_db: Database, api_db: Database) -> dict[str, UUID | int]:
    async with api_db.transaction(api.workspace_id) as conn:
        key_id = (await conn.execute(select(api_keys.c.id))).scalar_one()
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id)
        contact_id = await make_contact(conn, api.workspace_id)
        enrollment_id = await make_enrollment(
            conn, api.workspace_id, sequence_id, contact_id, mailbox_id=mailbox_id
        )
        email_id = await make_email(conn, enrollment_id)
        ours = {"workspace_id": api.workspace_id}
        of_email = ours | {"email_id": email_id, "at": MONDAY}
        event = of_email | {"enrollment_id": enrollment_id, "kind": "CLAIM"}
        asked = ours | {"cause": "REBALANCE", "requested_by": "someone", "requested_at": MONDAY}
        return {
            "Workspace": api.workspace_id,
            "ApiKey": key_id,
            "Mailbox": mailbox_id,
            "Sequence": sequence_id,
            "Contact": contact_id,
            "Enrollment": enrollment_id,
            "ScheduledEmail": email_id,
            "Step": (await conn.execute(select(steps.c.id).where(steps.c.position == 1))).scalar_one(),
            "Batch": await _make_batch(api_db, api.workspace_id),
            "EmailEvent": await conn.scalar(insert(email_events).values(event).returning(email_events.c.id)),
            "EmailMove": await conn.scalar(
                insert(email_moves).values(of_email | {"cause": "LATE"}).returning(email_moves.c.id)
            ),
            "Recalculation": await conn.scalar(
                insert(recalculations).values(asked).returning(recalculations.c.id)
            ),
        }


async def _make_batch(api_db: Database, workspace_id: WorkspaceId) -> SequenceId:
    """The worker makes none."""
    async with api_db.transaction(workspace_id) as conn:
        sequence_id = await make_sequence(conn, workspace_id, kind="ONE_OFF")
        row = {"id": sequence_id, "workspace_id": workspace_id, "count": 1, "starts_at": MONDAY}
        await conn.execute(insert(batches).values(row))
    return sequence_id


async def test_every_kind_of_thing_is_found_by_its_id(
    api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """All that the schema calls a Node, in the order in which they are asked for."""
    keys = await _one_of_each(api, worker_db, api_db)
    ids = [global_id(kind, key) for kind, key in keys.items()]

    data = await api.data(NODES, ids=ids)

    assert data["nodes"] == [
        {"__typename": kind, "id": wanted} for kind, wanted in zip(keys, ids, strict=True)
    ]
    schema = graphql.build_schema(print_sdl())
    interface = schema.type_map["Node"]
    assert isinstance(interface, graphql.GraphQLInterfaceType)
    assert {kind.name for kind in schema.get_possible_types(interface)} == set(keys)


async def test_another_workspaces_things_are_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """One by one, and null in a list; the list goes on."""
    keys = await _one_of_each(stranger, worker_db, api_db)
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
    assert (await api.refusal(NODES, ids=["x"]))[0] == "BAD_USER_INPUT"


async def test_a_hundred_things_can_be_asked_for_at_once(api: ApiClient) -> None:
    """No more."""
    ids = [global_id("Contact", uuid7()) for _ in range(101)]

    data = await api.data(NODES, ids=ids[:100])

    assert data["nodes"] == [None] * 100
    assert await api.refusal(NODES, ids=ids) == ("BAD_USER_INPUT", "Ask for at most 100 ids.")
