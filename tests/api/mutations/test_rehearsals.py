"""Dry runs: every change that replans shows what it would do, writes nothing, and can be made just so."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from actors.planner import Planner
from persistence.database import Database
from persistence.tables import steps
from tests.api.client import ApiClient, SteppingClock
from tests.api.mutations.asking import done, error, everything, mailbox, refused, sequence, step
from tests.api.mutations.rehearsing import rehearsed, tried
from tests.support.planning_office import Planned, make_planned
from tests.support.recalculating import SUNDAY, recalculate
from tests.support.standing_clock import StandingClock
from tests.support.world import TWO_STEPS, make_mailbox

MOVED = error("PLAN_MOVED", "planToken", "The plan has moved since the preview; preview it again.")
OTHER = error(
    "TOKEN_OF_OTHER_INPUT",
    "planToken",
    "The token is of a preview with another input, or of another mutation; send what was previewed,"
    " or preview this.",
)
HOUR = {"weekdays": [1, 2], "intervals": [{"start": "10:00", "end": "11:00"}]}
STEP = {"waitDays": 1, "subject": "Hello", "bodyText": "Hello", "position": 2}
# Each changes the plan; what is named by a letter is filled in by `given`.
CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "addStep",
        {"sequenceId": "S", "step": {"waitDays": 1, "subject": "Hi", "bodyText": "Hi", "position": 2}},
    ),
    ("updateStep", {"stepId": "T", "waitDays": 4}),
    ("moveStep", {"stepId": "T", "position": 1}),
    ("removeStep", {"stepId": "T"}),
    ("updateSequence", {"sequenceId": "S", "sendWindow": HOUR}),
    ("updateSequence", {"sequenceId": "S", "lastDate": "2026-03-03"}),
    ("linkMailboxes", {"sequenceId": "S", "mailboxIds": ["N"]}),
    ("unlinkMailboxes", {"sequenceId": "S", "mailboxIds": ["M"]}),
    ("updateMailbox", {"mailboxId": "M", "dailyCapacity": 1}),
    ("updateMailbox", {"mailboxId": "M", "ramp": {"start": 1, "step": 1, "startedOn": "2026-03-02"}}),
    ("pauseMailbox", {"mailboxId": "M"}),
    ("removeMailbox", {"mailboxId": "M"}),
)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(SUNDAY)


@pytest.fixture
async def world(api: ApiClient, worker_db: Database) -> Planned:
    """Twelve contacts with two steps in two mailboxes of two emails a day, with jitter; a third is idle."""
    made = await make_planned(
        worker_db,
        workspace_id=api.workspace_id,
        mailboxes=2,
        mailbox={"daily_capacity": 2, "jitter_percent": 50},
        steps=TWO_STEPS,
        when_mailbox_paused="TRANSFER",
    )
    await plan_more(made, 12)
    return made


async def plan_more(world: Planned, contacts: int) -> None:
    await world.enroll(contacts)
    await Planner(database=world.database, clock=StandingClock(SUNDAY))(None, str(world.workspace_id))


async def given(world: Planned, values: dict[str, Any]) -> dict[str, Any]:
    """*values* with the ids that their letters stand for."""
    async with world.database.transaction() as conn:
        second = (await conn.scalars(select(steps.c.id).where(steps.c.position == 2))).one()
        idle = await make_mailbox(conn, world.workspace_id)
    ids = {
        "S": sequence(world.sequence_id),
        "T": step(second),
        "M": mailbox(world.mailbox_ids[0]),
        "N": mailbox(idle),
    }
    return {
        field: [ids[each] for each in value] if field == "mailboxIds" else ids.get(str(value), value)
        for field, value in values.items()
    }


@pytest.mark.parametrize(("mutation", "values"), CHANGES)
async def test_what_is_rehearsed_is_what_happens(
    api: ApiClient, worker_db: Database, world: Planned, mutation: str, values: dict[str, Any]
) -> None:
    """The dry run leaves every row as it was; the change made with its token ends with the same figures."""
    asked = await given(world, values)
    before = await everything(worker_db)

    told = await tried(api, mutation, "recalculation { id }", **asked)
    untouched = await everything(worker_db) == before
    preview = told["preview"]
    await done(api, mutation, "recalculation { id }", **asked, planToken=preview["token"])
    await recalculate(world)

    (request,) = await world.recalculations()
    assert untouched
    assert told["recalculation"] is None
    assert request.status == "COMPLETED"
    assert preview["moved"] + preview["cancelled"] + preview["changedDays"] > 0
    figures = (preview["moved"], preview["unchanged"], preview["cancelled"], preview["infeasible"])
    assert (request.moved, request.unchanged, request.cancelled, request.infeasible) == figures
    assert (request.median_delay_s, request.max_delay_s) == (
        preview["medianDelaySeconds"],
        preview["maxDelaySeconds"],
    )


@pytest.mark.parametrize(
    ("mutation", "values", "moved"),
    [
        ("resumeMailbox", {"mailboxId": "M"}, 12),
        ("resumeSequence", {"sequenceId": "S"}, 0),
        ("resumeSending", {}, 0),
    ],
)
async def test_what_comes_back_is_rehearsed_too(
    api: ApiClient, worker_db: Database, world: Planned, mutation: str, values: dict[str, Any], moved: int
) -> None:
    """It stays on hold. A mailbox gets back what was handed over; of the others the plan had stayed."""
    asked = await given(world, values)
    await done(api, mutation.replace("resume", "pause"), "", **asked)
    await recalculate(world)
    before = await everything(worker_db)

    preview = await rehearsed(api, mutation, **asked)
    untouched = await everything(worker_db) == before
    await done(api, mutation, "recalculation { id }", **asked, planToken=preview["token"])
    await recalculate(world)

    request = (await world.recalculations())[-1]
    assert untouched
    assert (preview["moved"], preview["unchanged"]) == (moved, 24 - moved)
    assert (request.moved, request.unchanged) == (moved, 24 - moved)


async def test_a_change_is_not_made_when_the_plan_has_moved(
    api: ApiClient, worker_db: Database, world: Planned
) -> None:
    """Somebody was enrolled meanwhile; nothing is written, and a new dry run's token serves."""
    asked = await given(world, {"mailboxId": "M"})
    preview = await rehearsed(api, "pauseMailbox", **asked)
    await plan_more(world, 2)

    errors = await refused(api, worker_db, "pauseMailbox", **asked, planToken=preview["token"])
    again = await rehearsed(api, "pauseMailbox", **asked)
    made = await done(api, "pauseMailbox", "mailbox { status }", **asked, planToken=again["token"])

    assert errors == [MOVED]
    assert made["mailbox"] == {"status": "PAUSED"}


async def test_a_token_is_for_the_change_that_it_was_given_for(
    api: ApiClient, worker_db: Database, world: Planned
) -> None:
    """Another change makes another plan; a text that nobody gave stands for none."""
    asked = await given(world, {"mailboxId": "M"})
    preview = await rehearsed(api, "pauseMailbox", **asked)

    other = await refused(
        api, worker_db, "updateMailbox", **asked, dailyCapacity=1, planToken=preview["token"]
    )
    unplanned = await refused(
        api, worker_db, "updateMailbox", **asked, name="Sales", planToken=preview["token"]
    )
    unknown = await refused(api, worker_db, "pauseMailbox", **asked, planToken="made up")

    assert (other, unplanned) == ([OTHER], [OTHER])
    assert unknown == [error("INVALID_TOKEN", "planToken", "This workspace was given no such token.")]


@pytest.mark.parametrize(("mutation", "values"), [("updateStep", {"stepId": "T", "waitDays": 4})])
async def test_a_token_is_for_the_input_that_was_previewed(
    api: ApiClient, worker_db: Database, world: Planned, mutation: str, values: dict[str, Any]
) -> None:
    """Another wait is refused, also in a rebalance; the version that is expected is not part of it."""
    asked = await given(world, values)
    token = (await rehearsed(api, mutation, **asked))["token"]

    other = await refused(api, worker_db, mutation, **(asked | {"waitDays": 5}), planToken=token)
    more = await refused(api, worker_db, mutation, **asked, subject="Hello", planToken=token)
    rebalance = await refused(api, worker_db, "commitRebalance", token=token)
    await done(api, mutation, "", **asked, expectedVersion=1, planToken=token)

    assert (other, more) == ([OTHER], [OTHER])
    assert rebalance == [{**OTHER, "path": ["token"]}]


async def test_the_token_of_a_rebalance_is_for_no_other_change(
    api: ApiClient, worker_db: Database, world: Planned
) -> None:
    """Both come from one workspace, and are signed with one key."""
    previewed = await done(api, "previewRebalance", "preview { token }")
    asked = await given(world, {"mailboxId": "M"})

    errors = await refused(api, worker_db, "pauseMailbox", **asked, planToken=previewed["preview"]["token"])

    assert errors == [OTHER]


async def test_a_dry_run_is_refused_as_the_change_would_be(
    api: ApiClient, worker_db: Database, world: Planned
) -> None:
    """By version and by status."""
    asked = await given(world, {"mailboxId": "M"})

    stale = await refused(api, worker_db, "pauseMailbox", **asked, expectedVersion=7, dryRun=True)
    wrong = await refused(api, worker_db, "resumeMailbox", **asked, dryRun=True)

    assert stale == [error("STALE_OBJECT", "expectedVersion", "The mailbox is at version 1 by now.")]
    assert wrong == [error("WRONG_STATUS", "mailboxId", "The mailbox's status is ACTIVE.")]


async def test_without_a_plan_there_is_nothing_to_show(api: ApiClient, worker_db: Database) -> None:
    """A sequence that nobody is enrolled in: no preview, and still nothing is written."""
    empty = await make_planned(worker_db, workspace_id=api.workspace_id, steps=TWO_STEPS)
    before = await everything(worker_db)

    preview = await rehearsed(
        api, "updateSequence", sequenceId=sequence(empty.sequence_id), lastDate="2026-03-03"
    )

    assert preview is None
    assert await everything(worker_db) == before


async def test_a_preview_says_why_emails_would_have_no_time(api: ApiClient, world: Planned) -> None:
    """As many as there are, each with the one reason that it would have."""
    asked = await given(world, {"sequenceId": "S", "lastDate": "2026-03-03"})

    told = await done(
        api, "updateSequence", "preview { infeasible unplaced { reason count } }", **asked, dryRun=True
    )
    made = await done(api, "updateSequence", "recalculation { requestedBy requestedByName }", **asked)
    await recalculate(world)
    emails = await world.emails()

    found = Counter(each.unplaced_reason for each in emails if each.unplaced_reason)
    counts = {each["reason"]: each["count"] for each in told["preview"]["unplaced"]}
    assert counts == found
    assert sum(counts.values()) == told["preview"]["infeasible"] > 0
    assert made["recalculation"]["requestedBy"].startswith("api_key:")
    assert made["recalculation"]["requestedByName"] == "tests"
