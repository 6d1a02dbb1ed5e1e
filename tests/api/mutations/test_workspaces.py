"""Changing the workspace through the API."""

from datetime import date

import pytest

from api.ids import global_id
from persistence.database import Database
from tests.api.client import ApiClient, SteppingClock
from tests.api.forecasting import ask_forecast
from tests.api.mutations.asking import done, error, everything, refused, sequence
from tests.support.planning_office import Planned
from tests.support.recalculating import SUNDAY, recalculate
from tests.support.shared_contacts import SharedContacts, make_shared_contacts

MONDAY, THURSDAY = date(2026, 3, 2), date(2026, 3, 5)
WHY = "query ($id: ID!) { scheduledEmail(id: $id) { explanation { pushes { constraint until detail } } } }"
CHANGED = "workspace { contactMinGapDays } recalculation { cause status }"


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(SUNDAY)


@pytest.fixture
async def world(api: ApiClient, worker_db: Database) -> SharedContacts:
    """A contact whom both sequences write to on Monday."""
    made = await make_shared_contacts(worker_db, workspace_id=api.workspace_id)
    await made.plan()
    return made


async def email_of(world: Planned) -> str:
    """The id of the one email of a sequence."""
    (email,) = [each for each in await world.emails() if each.sequence_id == world.sequence_id]
    return global_id("ScheduledEmail", email.id)


async def test_a_gap_is_set_kept_explained_and_lifted(
    api: ApiClient, stranger: ApiClient, world: SharedContacts
) -> None:
    """The later email moves to Thursday and says why; without the gap it comes back."""
    raised = await done(api, "updateWorkspace", CHANGED, contactMinGapDays=3)
    await recalculate(world.first)
    apart = await world.days()
    explained = await api.data(WHY, id=await email_of(world.second))
    lifted = await done(api, "updateWorkspace", CHANGED, contactMinGapDays=None)
    await recalculate(world.first)

    assert raised["workspace"] == {"contactMinGapDays": 3}
    assert raised["recalculation"] == {"cause": "CONTACT_GAP_RAISED", "status": "PENDING"}
    assert apart == {"first": [MONDAY], "second": [THURSDAY]}
    assert explained["scheduledEmail"]["explanation"]["pushes"][1:] == [
        {
            "constraint": "CONTACT_MIN_GAP",
            "until": "2026-03-05T00:00:00Z",
            "detail": "3 days from the email of another enrollment on 2026-03-02",
        },
        {
            "constraint": "WINDOW",
            "until": "2026-03-05T09:00:00Z",
            "detail": "the next window opens on 2026-03-05",
        },
    ]
    assert lifted["workspace"] == {"contactMinGapDays": None}
    assert lifted["recalculation"] == {"cause": "CONTACT_GAP_LOWERED", "status": "PENDING"}
    assert await world.days() == {"first": [MONDAY], "second": [MONDAY]}
    data = await stranger.data("{ viewer { workspace { contactMinGapDays } } }")
    assert data["viewer"]["workspace"] == {"contactMinGapDays": None}
    log = await api.data("{ auditLog { nodes { action asked objectKind before after } } }")
    assert log["auditLog"]["nodes"][1] == {
        "action": "updateWorkspace",
        "asked": {"contactMinGapDays": 3},
        "objectKind": "Workspace",
        "before": {"contact_min_gap_days": None, "version": 1},
        "after": {"contact_min_gap_days": 3, "version": 2},
    }


async def test_what_changes_nothing_plans_nothing(api: ApiClient, world: SharedContacts) -> None:
    """The gap that there is, and an input without one."""
    await done(api, "updateWorkspace", CHANGED, contactMinGapDays=3)

    same = await done(api, "updateWorkspace", CHANGED, contactMinGapDays=3)
    nothing = await done(api, "updateWorkspace", CHANGED)

    assert same == nothing == {"workspace": {"contactMinGapDays": 3}, "recalculation": None, "userErrors": []}
    assert len(await world.first.recalculations()) == 1


@pytest.mark.parametrize("days", [0, -1, 91])
async def test_a_gap_out_of_range_is_refused(
    api: ApiClient, worker_db: Database, world: SharedContacts, days: int
) -> None:
    """Nothing is written; null is how to have none."""
    assert await refused(api, worker_db, "updateWorkspace", contactMinGapDays=days) == [
        error("OUT_OF_RANGE", "contactMinGapDays", "It is a number from 1 to 90.")
    ]


async def test_a_gap_is_rehearsed_and_set_just_so(
    api: ApiClient, worker_db: Database, world: SharedContacts
) -> None:
    """The dry run writes nothing; its token is good for the same gap."""
    preview = "preview { token moved unchanged days { day before after } }"
    before = await everything(worker_db)

    rehearsed = await done(api, "updateWorkspace", preview, contactMinGapDays=3, dryRun=True)
    untouched = await everything(worker_db) == before
    token = rehearsed["preview"].pop("token")
    other = await refused(api, worker_db, "updateWorkspace", contactMinGapDays=5, planToken=token)
    await done(api, "updateWorkspace", "recalculation { cause }", contactMinGapDays=3, planToken=token)
    await recalculate(world.first)

    assert untouched
    assert rehearsed["preview"] == {
        "moved": 1,
        "unchanged": 1,
        "days": [
            {"day": "2026-03-02", "before": 2, "after": 1},
            {"day": "2026-03-05", "before": 0, "after": 1},
        ],
    }
    assert [each["code"] for each in other] == ["TOKEN_OF_OTHER_INPUT"]
    assert await world.days() == {"first": [MONDAY], "second": [THURSDAY]}


async def test_a_sequence_that_is_no_longer_urgent_keeps_the_gap(
    api: ApiClient, world: SharedContacts
) -> None:
    """Its emails left when they liked; now those that are too close move, where there is a gap."""
    key = sequence(world.second.sequence_id)
    urgent = await done(api, "updateSequence", "recalculation { cause }", sequenceId=key, priority=5)
    ordinary = await done(api, "updateSequence", "recalculation { cause }", sequenceId=key, priority=0)
    await done(api, "updateSequence", "recalculation { cause }", sequenceId=key, priority=1)
    await done(api, "updateWorkspace", CHANGED, contactMinGapDays=3)
    await recalculate(world.first)
    exempt = await world.days()

    kept = await done(api, "updateSequence", "recalculation { cause }", sequenceId=key, priority=0)
    await recalculate(world.first)

    assert urgent["recalculation"] is None
    assert ordinary["recalculation"] is None
    assert exempt == {"first": [MONDAY], "second": [MONDAY]}
    assert kept["recalculation"] == {"cause": "CONTACT_GAP_RAISED"}
    assert await world.days() == {"first": [MONDAY], "second": [THURSDAY]}


async def test_a_time_by_hand_and_a_forecast_keep_the_gap(
    api: ApiClient, worker_db: Database, world: SharedContacts
) -> None:
    """Tuesday is refused, Friday is not; and the second sequence is forecast to end on Thursday."""
    await done(api, "updateWorkspace", CHANGED, contactMinGapDays=3)
    await recalculate(world.first)
    email_id = await email_of(world.second)

    forecast = await ask_forecast(api, world.second.sequence_id)
    tuesday = await refused(
        api, worker_db, "rescheduleEmail", emailId=email_id, sendAt="2026-03-03T12:00:00Z"
    )
    friday = await done(
        api, "rescheduleEmail", "email { sendAt }", emailId=email_id, sendAt="2026-03-06T12:00:00Z"
    )

    message = "Another enrollment writes to its contact within the workspace's `contactMinGapDays`."
    assert forecast["completesOn"] == "2026-03-05"
    assert tuesday == [error("TOO_CLOSE", "sendAt", message)]
    assert friday["email"] == {"sendAt": "2026-03-06T12:00:00Z"}
