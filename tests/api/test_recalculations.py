"""Asking for recalculations."""

from sqlalchemy import insert

from api.ids import global_id
from persistence.database import Database
from persistence.ids import uuid7
from persistence.tables import recalculations
from tests.api.client import ApiClient
from tests.support.world import MONDAY, make_mailbox, make_sequence

CAUSES = "query ($filter: RecalculationFilter) { recalculations(filter: $filter) { nodes { cause } } }"


async def test_a_recalculation_shows_its_progress_and_result(api: ApiClient, worker_db: Database) -> None:
    """Delays in seconds, later positive."""
    recalculation_id = uuid7()
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, api.workspace_id)
        mailbox_id = await make_mailbox(conn, api.workspace_id, name="Front desk")
        await conn.execute(
            insert(recalculations).values(
                id=recalculation_id,
                workspace_id=api.workspace_id,
                cause="MAILBOX_REMOVED",
                sequence_id=sequence_id,
                mailbox_id=mailbox_id,
                requested_by="api_key:1",
                requested_at=MONDAY,
                started_at=MONDAY,
                status="RUNNING",
                total=10,
                done=4,
                moved=2,
                unchanged=1,
                cancelled=1,
                infeasible=0,
                median_delay_s=-60,
                max_delay_s=3_600,
            )
        )

    data = await api.data(
        """query ($id: ID!) { recalculation(id: $id) {
            cause status requestedBy requestedByName requestedAt startedAt finishedAt
            total done moved unchanged cancelled infeasible
            medianDelaySeconds maxDelaySeconds error sequence { name } mailbox { name }
        } }""",
        id=global_id("Recalculation", recalculation_id),
    )

    assert data["recalculation"] == {
        "cause": "MAILBOX_REMOVED",
        "status": "RUNNING",
        "requestedBy": "api_key:1",
        "requestedByName": None,
        "requestedAt": "2026-03-02T09:00:00Z",
        "startedAt": "2026-03-02T09:00:00Z",
        "finishedAt": None,
        "total": 10,
        "done": 4,
        "moved": 2,
        "unchanged": 1,
        "cancelled": 1,
        "infeasible": 0,
        "medianDelaySeconds": -60,
        "maxDelaySeconds": 3_600,
        "error": None,
        "sequence": {"name": "Welcome Campaign"},
        "mailbox": {"name": "Front desk"},
    }


async def test_recalculations_are_listed_newest_first_and_filtered(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """By status, cause, sequence and mailbox; those of other workspaces are not there."""
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, api.workspace_id)
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        asked = {"requested_by": "someone", "requested_at": MONDAY}
        for row in (
            {"workspace_id": api.workspace_id, "cause": "REBALANCE", "sequence_id": sequence_id},
            {"workspace_id": api.workspace_id, "cause": "CAPACITY_CHANGED", "mailbox_id": mailbox_id},
            {"workspace_id": api.workspace_id, "cause": "STEPS_CHANGED", "status": "FAILED"},
            {"workspace_id": stranger.workspace_id, "cause": "WINDOW_CHANGED"},
        ):
            await conn.execute(insert(recalculations).values(asked | row))

    async def found(**conditions: object) -> list[str]:
        data = await api.data(CAUSES, filter=conditions)
        return [node["cause"] for node in data["recalculations"]["nodes"]]

    assert await found() == ["STEPS_CHANGED", "CAPACITY_CHANGED", "REBALANCE"]
    assert await found(status=["PENDING"]) == ["CAPACITY_CHANGED", "REBALANCE"]
    assert await found(cause=["REBALANCE", "WINDOW_CHANGED"]) == ["REBALANCE"]
    assert await found(sequenceId=global_id("Sequence", sequence_id)) == ["REBALANCE"]
    assert await found(mailboxId=global_id("Mailbox", mailbox_id)) == ["CAPACITY_CHANGED"]


async def test_one_that_was_carried_out_with_another_names_it(api: ApiClient, worker_db: Database) -> None:
    """The other one names none."""
    first, second = uuid7(), uuid7()
    asked = {"workspace_id": api.workspace_id, "requested_by": "api_key:1", "requested_at": MONDAY}
    async with worker_db.transaction() as conn:
        for made in (
            {"id": first, "cause": "STEPS_CHANGED"},
            {"id": second, "cause": "WINDOW_CHANGED", "part_of_id": first},
        ):
            await conn.execute(insert(recalculations).values(asked | made))

    data = await api.data("{ recalculations { nodes { cause partOf { cause } } } }")

    assert data["recalculations"]["nodes"] == [
        {"cause": "WINDOW_CHANGED", "partOf": {"cause": "STEPS_CHANGED"}},
        {"cause": "STEPS_CHANGED", "partOf": None},
    ]


async def test_an_unknown_recalculation_is_not_found(api: ApiClient) -> None:
    """As any other thing."""
    refusal = await api.refusal(
        "query ($id: ID!) { recalculation(id: $id) { cause } }", id=global_id("Recalculation", uuid7())
    )

    assert refusal == ("NOT_FOUND", "There is no recalculation with this id.")
