"""Asking through the API for the load to be spread anew."""

from persistence.database import Database, listen
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, refused, sequence
from tests.support.world import make_sequence

ASKED = "recalculation { id cause status sequence { id } requestedBy }"


async def test_a_rebalance_is_asked_for(api: ApiClient, worker_db: Database, database_url: str) -> None:
    """For one sequence or the whole workspace; asking twice is asking once."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)

    async with listen(database_url) as listener:
        of_sequence = await done(api, "rebalanceMailboxes", ASKED, sequenceId=sequence(key))
        heard = await listener.next(timeout_s=5)
        of_all = await done(api, "rebalanceMailboxes", ASKED)
        again = await done(api, "rebalanceMailboxes", ASKED)

    asked = of_sequence["recalculation"]
    assert (asked["cause"], asked["status"], asked["sequence"]) == (
        "REBALANCE",
        "PENDING",
        {"id": sequence(key)},
    )
    assert heard == "recalculate"
    assert of_all["recalculation"]["sequence"] is None
    assert of_all["recalculation"]["id"] != asked["id"]
    assert again["recalculation"]["id"] == of_all["recalculation"]["id"]


async def test_only_what_the_workspace_has_is_rebalanced(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """And only what is not archived."""
    async with worker_db.transaction() as conn:
        foreign = await make_sequence(conn, stranger.workspace_id)
        archived = await make_sequence(conn, api.workspace_id, status="ARCHIVED")

    unknown = await refused(api, worker_db, "rebalanceMailboxes", sequenceId=sequence(foreign))
    ended = await refused(api, worker_db, "rebalanceMailboxes", sequenceId=sequence(archived))
    wrong = await refused(api, worker_db, "rebalanceMailboxes", sequenceId="x")

    assert unknown == [error("NOT_FOUND", "sequenceId", "There is no sequence with this id.")]
    assert ended == [error("WRONG_STATUS", "sequenceId", "The sequence's status is ARCHIVED.")]
    assert wrong == [error("INVALID_ID", "sequenceId", "“x” is not an id.")]
