"""Seeing a rebalance before it is made, and making the one that was seen."""

from datetime import timedelta

import pytest

from persistence.database import Database, listen
from persistence.ids import uuid7
from tests.api.client import Answer, ApiClient, SteppingClock
from tests.api.mutations.asking import done, error, everything, mailbox, refused, sequence
from tests.support.rebalancing import crowded
from tests.support.recalculating import SUNDAY, figures, recalculate
from tests.support.world import MONDAY, make_mailbox, make_sequence

FIGURES = "moved unchanged cancelled infeasible medianDelaySeconds maxDelaySeconds"
PREVIEW = f"preview {{ token {FIGURES} changedDays days {{ mailbox {{ id }} day before after }} }}"
MOVED = error("PLAN_MOVED", "token", "The plan has moved since the preview; preview it again.")
NO_TOKEN = error("INVALID_TOKEN", "token", "This workspace was given no such token.")


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(SUNDAY)


async def previewed(api: ApiClient, **scope: object) -> Answer:
    preview: Answer = (await done(api, "previewRebalance", PREVIEW, **scope))["preview"]
    return preview


async def test_a_preview_tells_everything_and_writes_nothing(
    api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """Figures, days and token; every row of the database is as it was, and a second one is the same."""
    world = await crowded(worker_db, api_db, api.workspace_id)
    full, empty = map(mailbox, world.mailbox_ids)
    before = await everything(worker_db)

    preview = await previewed(api, sequenceId=sequence(world.sequence_id))
    again = await previewed(api, sequenceId=sequence(world.sequence_id))

    token = preview.pop("token")
    assert await everything(worker_db) == before
    assert preview == {
        "moved": 4,
        "unchanged": 4,
        "cancelled": 0,
        "infeasible": 0,
        "medianDelaySeconds": -172_800,
        "maxDelaySeconds": -172_800,
        "changedDays": 4,
        "days": [
            {"mailbox": {"id": empty}, "day": "2026-03-02", "before": 0, "after": 2},
            {"mailbox": {"id": empty}, "day": "2026-03-03", "before": 0, "after": 2},
            {"mailbox": {"id": full}, "day": "2026-03-04", "before": 2, "after": 0},
            {"mailbox": {"id": full}, "day": "2026-03-05", "before": 2, "after": 0},
        ],
    }
    assert again["token"] == token


async def test_what_was_previewed_is_what_happens(
    api: ApiClient, worker_db: Database, api_db: Database, clock: SteppingClock, database_url: str
) -> None:
    """Committed some minutes later, the recalculation reports the same figures; days are as foretold."""
    world = await crowded(worker_db, api_db, api.workspace_id)
    scope = {"mailboxIds": [mailbox(world.mailbox_ids[0])]}
    preview = await previewed(api, **scope)

    clock.present += timedelta(minutes=17)
    async with listen(database_url) as listener:
        committed = await done(
            api, "commitRebalance", "recalculation { cause status }", token=preview["token"]
        )
        heard = await listener.next(timeout_s=5)
    await recalculate(world)

    told = await api.data(f"{{ recalculations {{ nodes {{ status error {FIGURES} }} }} }}")
    assert committed["recalculation"] == {"cause": "REBALANCE", "status": "PENDING"}
    assert heard == "recalculate"
    assert told["recalculations"]["nodes"] == [
        {"status": "COMPLETED", "error": None} | {name: preview[name] for name in FIGURES.split()}
    ]
    planned = [(mailbox(email.mailbox_id), str(email.send_day)) for email in await world.emails()]
    assert [planned.count((day["mailbox"]["id"], day["day"])) for day in preview["days"]] == [2, 2, 0, 0]
    assert (await previewed(api, **scope))["moved"] == 0


async def test_contacts_that_end_with_their_mailbox_are_foretold(
    api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """CANCEL: the emails that the preview counts as cancelled are those that the recalculation cancels."""
    world = await crowded(worker_db, api_db, api.workspace_id)
    await world.execute("UPDATE sequences SET when_mailbox_paused = 'CANCEL'")
    await world.execute("UPDATE mailboxes SET status = 'PAUSED' WHERE id = :id", id=world.mailbox_ids[0])

    preview = await previewed(api)
    await done(api, "commitRebalance", "recalculation { id }", token=preview["token"])
    await recalculate(world)

    (request,) = await world.recalculations()
    assert (preview["moved"], preview["unchanged"], preview["cancelled"]) == (0, 0, 8)
    assert figures(request) == ("COMPLETED", 0, 0, 0, 0, 8, 0)
    assert {email.status for email in await world.emails()} == {"CANCELLED"}


async def test_a_plan_that_moved_is_not_committed(
    api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """After another capacity the token is worth nothing; neither is one that was used."""
    world = await crowded(worker_db, api_db, api.workspace_id)
    stale = (await previewed(api))["token"]

    await world.execute("UPDATE mailboxes SET daily_capacity = 3")
    assert await refused(api, worker_db, "commitRebalance", token=stale) == [MOVED]

    used = (await previewed(api))["token"]
    assert used != stale
    await done(api, "commitRebalance", "recalculation { id }", token=used)
    await recalculate(world)
    assert await refused(api, worker_db, "commitRebalance", token=used) == [MOVED]


async def test_a_time_that_has_passed_is_not_committed(
    api: ApiClient, worker_db: Database, api_db: Database, clock: SteppingClock
) -> None:
    """On Monday at nine the first new time is there."""
    await crowded(worker_db, api_db, api.workspace_id)
    token = (await previewed(api))["token"]

    clock.present = MONDAY

    assert await refused(api, worker_db, "commitRebalance", token=token) == [MOVED]


async def test_a_plan_that_moves_after_the_commit_is_not_written(
    api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """The recalculator looks again under the plan lock, refuses, and changes no email."""
    world = await crowded(worker_db, api_db, api.workspace_id)
    token = (await previewed(api))["token"]
    await done(api, "commitRebalance", "recalculation { id }", token=token)
    before = await world.emails()

    await world.execute("UPDATE mailboxes SET daily_capacity = 3")
    await recalculate(world)

    (request,) = await world.recalculations()
    assert (figures(request), request.error) == (("FAILED", 8, 0, 0, 0, 0, 0), "PLAN_MOVED")
    assert request.finished_at is not None
    assert await world.emails() == before
    assert await world.moves() == []


async def test_committing_twice_is_committing_once(
    api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """While nobody has begun it, the second call joins the first; a rebalance without a promise does not."""
    await crowded(worker_db, api_db, api.workspace_id)
    token = (await previewed(api))["token"]

    first = await done(api, "commitRebalance", "recalculation { id }", token=token)
    again = await done(api, "commitRebalance", "recalculation { id }", token=token)
    plain = await done(api, "rebalanceMailboxes", "recalculation { id }")

    assert again["recalculation"] == first["recalculation"]
    assert plain["recalculation"] != first["recalculation"]


async def test_a_token_is_taken_from_its_own_workspace_alone(
    api: ApiClient, stranger: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """Neither by another workspace, nor changed, nor made up."""
    await crowded(worker_db, api_db, api.workspace_id)
    token = (await previewed(api))["token"]
    changed = ("A" if token[0] != "A" else "B") + token[1:]

    assert await refused(stranger, worker_db, "commitRebalance", token=token) == [NO_TOKEN]
    assert await refused(api, worker_db, "commitRebalance", token=changed) == [NO_TOKEN]
    assert await refused(api, worker_db, "commitRebalance", token="") == [NO_TOKEN]


async def test_only_what_the_workspace_has_is_previewed(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Foreign things are not found, archived ones not planned, and there is an end to the mailboxes."""
    async with worker_db.transaction() as conn:
        foreign = await make_sequence(conn, stranger.workspace_id)
        archived = await make_sequence(conn, api.workspace_id, status="ARCHIVED")
        own, others = (
            await make_mailbox(conn, api.workspace_id),
            await make_mailbox(conn, stranger.workspace_id),
        )

    async def errors(**scope: object) -> list[dict[str, object]]:
        return await refused(api, worker_db, "previewRebalance", **scope)

    assert await errors(sequenceId=sequence(foreign)) == [
        error("NOT_FOUND", "sequenceId", "There is no sequence with this id.")
    ]
    assert await errors(sequenceId=sequence(archived)) == [
        error("WRONG_STATUS", "sequenceId", "The sequence's status is ARCHIVED.")
    ]
    assert await errors(mailboxIds=[mailbox(own), mailbox(others)]) == [
        error("NOT_FOUND", "mailboxIds.1", "There is no mailbox with this id.")
    ]
    assert await errors(sequenceId="x", mailboxIds=["y"]) == [
        error("INVALID_ID", "sequenceId", "“x” is not an id."),
        error("INVALID_ID", "mailboxIds.0", "“y” is not an id."),
    ]
    assert await errors(mailboxIds=[mailbox(uuid7())] * 101) == [
        error("TOO_MANY", "mailboxIds", "There are more than 100.")
    ]
