"""Dry runs of what is placed by the planner: the places of emails that are not written, and who gives way."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from actors.planner import Planner
from persistence.database import Database
from tests.api.client import Answer, ApiClient, SteppingClock
from tests.api.mutations.asking import contact, done, error, everything, mailbox, refused, sequence
from tests.api.mutations.rehearsing import rehearsed, tried
from tests.support.planning_office import Planned, make_planned
from tests.support.recalculating import SUNDAY
from tests.support.sharing import beside, enroll_crowd
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY, TWO_STEPS, make_contact

MOVED = error("PLAN_MOVED", "planToken", "The plan has moved since the preview; preview it again.")
NOON = MONDAY + timedelta(hours=3)
NEW = [{"email": "ada@example.test"}, {"email": "bo@example.test"}, {"email": "nonsense"}]
COUNTS = "enrolled alreadyEnrolled suppressed invalid { index }"


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(SUNDAY)


async def plan(world: Planned, clock: SteppingClock) -> None:
    await Planner(database=world.database, clock=StandingClock(clock.present))(None, str(world.workspace_id))


async def known(world: Planned, number: int) -> list[str]:
    async with world.database.transaction() as conn:
        return [contact(await make_contact(conn, world.workspace_id)) for _ in range(number)]


async def see_days(world: Planned, preview: Answer) -> None:
    """Every day of *preview*, in each mailbox, has by now as many emails as it said."""
    planned = Counter((mailbox(each.mailbox_id), str(each.send_day)) for each in await world.emails())
    said = {(each["mailbox"]["id"], each["day"]): each["after"] for each in preview["days"]}
    assert len(said) == preview["changedDays"] > 0
    assert {day: planned[day] for day in said} == said


@pytest.fixture
async def world(api: ApiClient, worker_db: Database) -> Planned:
    """Two steps in two mailboxes of four emails a day, with jitter."""
    return await make_planned(
        worker_db,
        workspace_id=api.workspace_id,
        mailboxes=2,
        mailbox={"daily_capacity": 4, "jitter_percent": 50},
        steps=TWO_STEPS,
    )


async def test_new_contacts_are_placed_as_the_dry_run_says(
    api: ApiClient, worker_db: Database, world: Planned, clock: SteppingClock
) -> None:
    """Known and new ones, in two mailboxes with jitter: counts and days, and not a row of them is written."""
    await world.enroll(5)
    await plan(world, clock)
    given = {"sequenceId": sequence(world.sequence_id), "contactIds": await known(world, 8), "contacts": NEW}
    before = await everything(worker_db)

    told = await tried(api, "enrollContacts", f"sequence {{ id }} {COUNTS}", **given)
    untouched = await everything(worker_db) == before
    preview = told.pop("preview")
    await done(api, "enrollContacts", COUNTS, **given, planToken=preview["token"])
    await plan(world, clock)

    assert untouched
    assert told == {
        "sequence": None,
        "enrolled": 10,
        "alreadyEnrolled": 0,
        "suppressed": 0,
        "invalid": [{"index": 2}],
        "userErrors": [],
    }
    figures = [preview[each] for each in ("placed", "moved", "unchanged", "cancelled", "infeasible")]
    assert figures == [20, 0, 0, 0, 0]
    assert len(await world.emails()) == 30
    await see_days(world, preview)


async def test_the_token_holds_while_a_day_goes_by(
    api: ApiClient, world: Planned, clock: SteppingClock
) -> None:
    """
    What is spread over the rest of a day has other minutes a little later, and the same days.

    At noon there are two places left in each mailbox's day; at half past three one, so that plan has moved.
    """
    clock.present = NOON
    given = {"sequenceId": sequence(world.sequence_id), "contactIds": await known(world, 4)}
    preview = await rehearsed(api, "enrollContacts", **given)

    clock.present = NOON + timedelta(hours=3, minutes=30)
    late = await refused(api, world.database, "enrollContacts", **given, planToken=preview["token"])
    clock.present = NOON + timedelta(minutes=7)
    await done(api, "enrollContacts", "enrolled", **given, planToken=preview["token"])
    await plan(world, clock)

    assert late == [MOVED]
    await see_days(world, preview)


async def test_who_gives_way_is_foretold(api: ApiClient, worker_db: Database, clock: SteppingClock) -> None:
    """A small sequence after a big one: as many emails move as it plans, and they move then."""
    big = await make_planned(worker_db, workspace_id=api.workspace_id)
    small = await beside(big)
    await enroll_crowd(big, 100, at=SUNDAY)
    await plan(big, clock)
    given = {"sequenceId": sequence(small.sequence_id), "contactIds": await known(small, 5)}
    before = await everything(worker_db)

    preview = await rehearsed(api, "enrollContacts", **given)
    untouched = await everything(worker_db) == before
    await done(api, "enrollContacts", "enrolled", **given, planToken=preview["token"])
    await plan(small, clock)

    moves = await big.moves()
    delays = sorted((move.to_send_at - move.from_send_at).total_seconds() for move in moves)
    assert untouched
    assert [move.cause for move in moves] == ["FAIR_SHARE"] * 5
    assert (preview["placed"], preview["moved"], preview["unchanged"]) == (5, 5, 0)
    assert (preview["medianDelaySeconds"], preview["maxDelaySeconds"]) == (delays[2], delays[4])
    await see_days(small, preview)


async def test_nobody_is_enrolled_into_a_plan_that_has_moved(
    api: ApiClient, worker_db: Database, world: Planned, clock: SteppingClock
) -> None:
    """Others took the room; more people are another input; and a token serves once."""
    given = {"sequenceId": sequence(world.sequence_id), "contactIds": await known(world, 3)}
    stale = (await rehearsed(api, "enrollContacts", **given))["token"]
    await world.enroll(7)
    await plan(world, clock)

    taken = await refused(api, worker_db, "enrollContacts", **given, planToken=stale)
    token = (await rehearsed(api, "enrollContacts", **given))["token"]
    more = await refused(api, worker_db, "enrollContacts", **given, contacts=NEW, planToken=token)
    made = await done(api, "enrollContacts", "enrolled", **given, planToken=token)
    await plan(world, clock)
    again = await refused(api, worker_db, "enrollContacts", **given, planToken=token)

    assert (taken, again) == ([MOVED], [MOVED])
    assert [each["code"] for each in more] == ["TOKEN_OF_OTHER_INPUT"]
    assert made["enrolled"] == 3


async def test_nobody_else_is_enrolled_with_a_token(
    api: ApiClient, worker_db: Database, world: Planned
) -> None:
    """Another contact would have just the places that were promised to the first."""
    first, second = await known(world, 2)
    asked = {"sequenceId": sequence(world.sequence_id)}
    token = (await rehearsed(api, "enrollContacts", **asked, contactIds=[first]))["token"]

    other = await refused(api, worker_db, "enrollContacts", **asked, contactIds=[second], planToken=token)
    made = await done(api, "enrollContacts", "enrolled", **asked, contactIds=[first], planToken=token)

    assert [(each["code"], each["path"]) for each in other] == [("TOKEN_OF_OTHER_INPUT", ["planToken"])]
    assert made["enrolled"] == 1


async def test_without_anybody_to_place_there_is_no_preview(
    api: ApiClient, worker_db: Database, world: Planned
) -> None:
    """The counts tell why; a refusal is that of the mutation itself."""
    await done(api, "suppress", "suppressed", emails=["ada@example.test"])

    told = await tried(
        api, "enrollContacts", COUNTS, sequenceId=sequence(world.sequence_id), contacts=NEW[:1]
    )
    errors = await refused(
        api, worker_db, "enrollContacts", sequenceId=sequence(world.workspace_id), contacts=NEW, dryRun=True
    )

    assert (told["preview"], told["enrolled"], told["suppressed"]) == (None, 0, 1)
    assert errors == [error("NOT_FOUND", "sequenceId", "There is no sequence with this id.")]


BATCH = {"subject": "We move", "bodyText": "To number 7."}


@pytest.mark.parametrize("pace", [{}, {"delayBetweenEmails": 600}, {"hourlyLimit": 2}])
async def test_a_batch_is_placed_as_its_dry_run_says(
    api: ApiClient, worker_db: Database, world: Planned, clock: SteppingClock, pace: dict[str, Any]
) -> None:
    """Its sequence, step and contacts are not there yet; it starts when it is made, some minutes later."""
    await world.enroll(5)
    await plan(world, clock)
    given: dict[str, Any] = {**BATCH, **pace, "contacts": NEW, "contactIds": await known(world, 9)}
    before = await everything(worker_db)

    told = await tried(api, "scheduleEmails", "batch { id } scheduled invalid { index }", **given)
    untouched = await everything(worker_db) == before
    clock.present = SUNDAY + timedelta(minutes=5)
    other = await refused(
        api, worker_db, "scheduleEmails", **given | {"contacts": []}, planToken=told["preview"]["token"]
    )
    await done(api, "scheduleEmails", "scheduled", **given, planToken=told["preview"]["token"])
    await plan(world, clock)

    preview = told["preview"]
    assert untouched
    assert (told["batch"], told["scheduled"], told["invalid"]) == (None, 11, [{"index": 2}])
    assert (preview["placed"], preview["moved"], preview["infeasible"]) == (11, 0, 0)
    assert [each["code"] for each in other] == ["TOKEN_OF_OTHER_INPUT"]
    await see_days(world, preview)


async def test_a_draft_that_was_left_behind_is_rehearsed(
    api: ApiClient, worker_db: Database, world: Planned, clock: SteppingClock
) -> None:
    """Planned on Sunday and activated on Tuesday: its first emails are late by then, and get new times."""
    await world.enroll(6)
    await plan(world, clock)
    await world.execute("UPDATE sequences SET status = 'DRAFT'")
    clock.present = MONDAY + timedelta(days=1)
    given = {"sequenceId": sequence(world.sequence_id)}
    before = await everything(worker_db)

    preview = await rehearsed(api, "activateSequence", **given)
    untouched = await everything(worker_db) == before
    await done(api, "activateSequence", "sequence { status }", **given, planToken=preview["token"])
    await plan(world, clock)

    moves = await world.moves()
    assert untouched
    assert (preview["placed"], preview["moved"]) == (0, len(moves))
    assert Counter(move.cause for move in moves)["LATE"] == 6
    await see_days(world, preview)


@pytest.mark.parametrize("mutation", ["updateContact", "importContacts"])
async def test_another_zone_of_a_contact_is_rehearsed(
    api: ApiClient, worker_db: Database, world: Planned, clock: SteppingClock, mutation: str
) -> None:
    """Where the sequence follows the contact's clock, both emails move to its hours."""
    followed = await beside(world, steps=TWO_STEPS, uses_contact_zone=True)
    await followed.enroll(1)
    await plan(followed, clock)
    [person] = await followed.rows("SELECT id, email FROM contacts")
    zone = {"zone": "Pacific/Auckland"}
    given: dict[str, Any] = {"contactId": contact(person.id), **zone}
    if mutation == "importContacts":
        given = {"contacts": [{"email": person.email, **zone}]}
    before = await everything(worker_db)

    preview = await rehearsed(api, mutation, **given)
    untouched = await everything(worker_db) == before
    await done(api, mutation, "", **given, planToken=preview["token"])
    await plan(followed, clock)

    assert untouched
    assert (preview["moved"], preview["unchanged"]) == (2, 0)
    assert [move.cause for move in await followed.moves()] == ["WINDOW_CHANGED"] * 2


async def test_what_moves_no_email_of_a_contact_has_no_preview(
    api: ApiClient, worker_db: Database, world: Planned, clock: SteppingClock
) -> None:
    """Another name, or a zone that no sequence follows; an import is counted all the same."""
    await world.enroll(1)
    await plan(world, clock)
    [person] = await world.rows("SELECT id, email FROM contacts")
    changes = {"firstName": "Ada", "zone": "Pacific/Auckland"}
    before = await everything(worker_db)

    updated = await tried(api, "updateContact", "contact { id }", contactId=contact(person.id), **changes)
    imported = await tried(
        api, "importContacts", "import { id } created updated", contacts=[{"email": person.email, **changes}]
    )

    assert await everything(worker_db) == before
    assert (updated["preview"], updated["contact"]) == (None, None)
    assert (imported["preview"], imported["import"]) == (None, None)
    assert (imported["created"], imported["updated"]) == (0, 1)
