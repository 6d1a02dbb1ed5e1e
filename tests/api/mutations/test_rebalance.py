"""Asking through the API for the load to be spread anew."""

from domain.rebalances import RebalanceScope
from domain.recalculations import RecalculationCause
from persistence.database import Database, listen
from persistence.recalculations import begin_recalculations
from persistence.replan_scopes import ReplanRequest
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, mailbox, refused, sequence
from tests.support.world import MONDAY, make_mailbox, make_sequence

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


async def test_some_mailboxes_are_rebalanced(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """The recalculation is for those alone; one of another workspace is refused where it stands."""
    async with worker_db.transaction() as conn:
        ours = await make_mailbox(conn, api.workspace_id)
        theirs = await make_mailbox(conn, stranger.workspace_id)

    await done(api, "rebalanceMailboxes", ASKED, mailboxIds=[mailbox(ours), mailbox(ours)])
    unknown = await refused(api, worker_db, "rebalanceMailboxes", mailboxIds=[mailbox(ours), mailbox(theirs)])
    async with worker_db.transaction() as conn:
        [begun] = await begin_recalculations(conn, api.workspace_id, now=MONDAY)

    assert begun.request == ReplanRequest(RecalculationCause.REBALANCE, RebalanceScope(None, (ours,)))
    assert unknown == [error("NOT_FOUND", "mailboxIds.1", "There is no mailbox with this id.")]
