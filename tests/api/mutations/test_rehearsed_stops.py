"""Dry runs of what ends enrollments: which emails leave the plan, and the days that become emptier."""

from typing import Any

import pytest

from persistence.database import Database
from tests.api.client import ApiClient, SteppingClock
from tests.api.mutations.asking import done, enrollment, error, everything, mailbox, refused, sequence
from tests.api.mutations.rehearsing import rehearsed, tried
from tests.support.planning_office import Planned
from tests.support.recalculating import SUNDAY, planned
from tests.support.world import TWO_STEPS

MOVED = error("PLAN_MOVED", "planToken", "The plan has moved since the preview; preview it again.")
STOPS = ("stopEnrollment", "archiveSequence", "suppress")


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(SUNDAY)


@pytest.fixture
async def world(api: ApiClient, worker_db: Database) -> Planned:
    """Three contacts with two steps in a mailbox of two emails a day: 2 on Mo, 1 on Tu, 2 on We, 1 on Th."""
    return await planned(
        worker_db, 3, workspace_id=api.workspace_id, mailbox={"daily_capacity": 2}, steps=TWO_STEPS
    )


async def asked(world: Planned, mutation: str) -> dict[str, Any]:
    """What stops the first contact, or with their sequence everyone."""
    first, *_ = await world.enrollments()
    if mutation == "stopEnrollment":
        return {"enrollmentId": enrollment(first.id)}
    if mutation == "archiveSequence":
        return {"sequenceId": sequence(world.sequence_id)}
    async with world.database.transaction() as conn:
        addresses = await conn.exec_driver_sql("SELECT email FROM contacts ORDER BY id LIMIT 1")
        return {"emails": [addresses.scalar_one()]}


@pytest.mark.parametrize("mutation", STOPS)
async def test_what_leaves_the_plan_is_foretold(
    api: ApiClient, worker_db: Database, world: Planned, mutation: str
) -> None:
    """Emails and days; nothing is written, and with the token just these are cancelled."""
    given = await asked(world, mutation)
    before = await everything(worker_db)

    preview = await rehearsed(api, mutation, **given)
    untouched = await everything(worker_db) == before
    await done(api, mutation, "", **given, planToken=preview.pop("token"))

    days = ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"]
    is_all = mutation == "archiveSequence"
    loads = [(2, 0), (1, 0), (2, 0), (1, 0)] if is_all else [(2, 1), None, (2, 1), None]
    box = {"id": mailbox(world.mailbox_ids[0])}
    assert untouched
    assert preview == {
        "placed": 0,
        "moved": 0,
        "unchanged": 0,
        "cancelled": 6 if is_all else 2,
        "infeasible": 0,
        "medianDelaySeconds": None,
        "maxDelaySeconds": None,
        "changedDays": 4 if is_all else 2,
        "days": [
            {"mailbox": box, "day": day, "before": load[0], "after": load[1]}
            for day, load in zip(days, loads, strict=True)
            if load is not None
        ],
    }
    cancelled = [email for email in await world.emails() if email.status == "CANCELLED"]
    assert len(cancelled) == preview["cancelled"]


@pytest.mark.parametrize("mutation", STOPS)
async def test_nothing_is_stopped_that_was_not_shown(
    api: ApiClient, worker_db: Database, world: Planned, mutation: str
) -> None:
    """An email left meanwhile: the token of before it is refused."""
    given = await asked(world, mutation)
    token = (await rehearsed(api, mutation, **given))["token"]
    soonest, *_ = await world.emails()
    await world.execute(
        "UPDATE scheduled_emails SET status = 'QUEUED', lease_until = now() WHERE id = :id", id=soonest.id
    )

    assert await refused(api, worker_db, mutation, **given, planToken=token) == [MOVED]


async def test_a_stop_of_nobody_has_no_preview(api: ApiClient, worker_db: Database, world: Planned) -> None:
    """An address that nobody has is counted; who has ended already is refused as without a dry run."""
    told = await tried(api, "suppress", "suppressed", emails=["nobody@example.test"])
    ended = await asked(world, "stopEnrollment")
    await done(api, "stopEnrollment", "", **ended)

    errors = await refused(api, worker_db, "stopEnrollment", **ended, dryRun=True)

    assert (told["preview"], told["suppressed"]) == (None, 1)
    assert errors == [error("WRONG_STATUS", "enrollmentId", "The enrollment's status is CANCELLED.")]
