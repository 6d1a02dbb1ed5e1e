"""Mailboxes, capacities and windows change: emails move that have to, or that gain more than a day."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from actors.planner import Planner
from domain.ids import MailboxId
from persistence.database import Database
from persistence.tables import sequence_mailboxes
from tests.api.client import ApiClient, SteppingClock
from tests.api.mutations.asking import done, mailbox, sequence
from tests.support.planning_office import Planned
from tests.support.recalculating import SUNDAY, planned, recalculate
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY, make_mailbox

DAY = timedelta(days=1)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(SUNDAY)


async def crowd(api: ApiClient, worker_db: Database) -> tuple[Planned, MailboxId]:
    """Eight contacts in a mailbox of two a day, Monday to Thursday; and another mailbox, which is on hold."""
    world = await planned(worker_db, 8, workspace_id=api.workspace_id, mailbox={"daily_capacity": 2})
    async with worker_db.transaction() as conn:
        return world, await make_mailbox(conn, api.workspace_id, daily_capacity=2, status="PAUSED")


async def _link(api: ApiClient, world: Planned, other: MailboxId) -> None:
    await world.execute("UPDATE mailboxes SET status = 'ACTIVE'")
    given = {"sequenceId": sequence(world.sequence_id), "mailboxIds": [mailbox(other)]}
    await done(api, "linkMailboxes", "recalculation { id }", **given)


async def _resume(api: ApiClient, world: Planned, other: MailboxId) -> None:
    link = {
        "workspace_id": world.workspace_id,
        "sequence_id": world.sequence_id,
        "mailbox_id": other,
    }
    async with world.database.transaction() as conn:
        await conn.exec_driver_sql("SET LOCAL ROLE none")
        await conn.execute(insert(sequence_mailboxes).values(link))
    await done(api, "resumeMailbox", "recalculation { id }", mailboxId=mailbox(other))


async def _raise(api: ApiClient, world: Planned, _: MailboxId) -> None:
    given = {"mailboxId": mailbox(world.mailbox_ids[0]), "dailyCapacity": 4}
    await done(api, "updateMailbox", "recalculation { id }", **given)


@pytest.mark.parametrize("change", [_link, _resume, _raise])
async def test_new_room_is_for_those_who_gain_more_than_a_day(
    api: ApiClient, worker_db: Database, change: Any
) -> None:
    """A mailbox more, one that comes back, more capacity: Wednesday and Thursday leave two days earlier."""
    world, other = await crowd(api, worker_db)
    before = {email.id: email for email in await world.emails()}

    await change(api, world, other)
    await recalculate(world)

    moves = await world.moves()
    after = {email.id: email for email in await world.emails()}
    assert Counter(email.send_day - MONDAY.date() for email in after.values()) == {0 * DAY: 4, DAY: 4}
    assert [(move.cause, move.to_send_at.date() - move.from_send_at.date()) for move in moves] == [
        ("EARLIER", -2 * DAY)
    ] * 4
    stayed = before.keys() - {move.email_id for move in moves}
    assert {after[each].send_at for each in stayed} == {before[each].send_at for each in stayed}


async def test_started_contacts_stay_with_their_mailbox(api: ApiClient, worker_db: Database) -> None:
    """Whoever was written to gets a follow-up from the same sender, whatever room there is elsewhere."""
    steps = ((0, "A", "A"), (1, "B", "B"))
    world = await planned(
        worker_db, 4, workspace_id=api.workspace_id, steps=steps, mailbox={"daily_capacity": 2}
    )
    await world.execute(
        "UPDATE scheduled_emails SET status = 'SENT', sent_at = send_at"
        " FROM steps WHERE steps.id = step_id AND position = 1"
    )
    home = world.mailbox_ids[0]
    async with worker_db.transaction() as conn:
        other = await make_mailbox(conn, api.workspace_id)

    await _link(api, world, other)
    await recalculate(world)

    assert {email.mailbox_id for email in await world.emails()} == {home}
    assert {each.mailbox_id for each in await world.enrollments()} == {home}


async def test_of_every_day_that_a_ramp_lowers_the_last_ones_move(
    api: ApiClient, worker_db: Database
) -> None:
    """Ten on Monday, twenty on Tuesday, thirty on Wednesday: twenty and ten leave for a later day."""
    world = await planned(worker_db, 90, workspace_id=api.workspace_id)
    before = await world.emails()
    overflow = {email.id for email in (*before[10:30], *before[50:60])}

    ramp = {"start": 10, "step": 10, "startedOn": "2026-03-02"}
    await done(
        api, "updateMailbox", "recalculation { id }", mailboxId=mailbox(world.mailbox_ids[0]), ramp=ramp
    )
    await recalculate(world)

    moves = await world.moves()
    days = Counter(email.send_day - MONDAY.date() for email in await world.emails())
    assert {move.email_id for move in moves} == overflow
    assert {move.cause for move in moves} == {"CAPACITY_LOWERED"}
    assert days == {0 * DAY: 10, DAY: 20, 2 * DAY: 30, 3 * DAY: 30}


AFTERNOON = {"weekdays": [1, 2, 3, 4, 5], "intervals": [{"start": "13:00", "end": "17:00"}]}


@pytest.mark.parametrize(
    ("change", "is_inside", "reason"),
    [
        ({"sendWindow": AFTERNOON}, lambda at: at.hour >= 13, None),
        # From nine to five in New York is from 14:00 UTC on.
        ({"zone": "America/New_York"}, lambda at: at.hour >= 14, None),
        ({"firstDate": "2026-03-03"}, lambda at: at.day == 3, None),
        ({"lastDate": "2026-03-02"}, lambda at: at.day == 2, "AFTER_LAST_DATE"),
    ],
)
async def test_only_what_is_outside_of_the_new_calendar_moves(
    api: ApiClient,
    worker_db: Database,
    change: dict[str, Any],
    is_inside: Callable[[datetime], bool],
    reason: str | None,
) -> None:
    """Of sixty on the second and third of March; behind the last date there is no time, and it says so."""
    world = await planned(worker_db, 60, workspace_id=api.workspace_id)
    before = {email.id: email.send_at.astimezone(UTC) for email in await world.emails()}
    inside = {each for each, at in before.items() if is_inside(at)}

    given = {"sequenceId": sequence(world.sequence_id), **change}
    await done(api, "updateSequence", "recalculation { id }", **given)
    await recalculate(world)

    moves = await world.moves()
    after = {email.id: email for email in await world.emails()}
    assert {move.email_id for move in moves} == before.keys() - inside != set()
    assert {move.cause for move in moves} == {"WINDOW_CHANGED"}
    assert {each: after[each].send_at for each in inside} == {each: before[each] for each in inside}
    assert {after[each].unplaced_reason for each in before.keys() - inside} == {reason}


async def test_whoever_joins_moves_nobody(api: ApiClient, worker_db: Database) -> None:
    """In one sequence those who came first keep their times, and the next ones come behind them."""
    world = await planned(worker_db, 40, workspace_id=api.workspace_id)
    before = await world.times()

    await world.enroll(40)
    await Planner(database=worker_db, clock=StandingClock(SUNDAY))(None, str(world.workspace_id))

    after = await world.times()
    assert await world.moves() == []
    assert Counter(before) - Counter(after) == Counter()
    assert Counter(at.date() - MONDAY.date() for at in after) == {0 * DAY: 30, DAY: 30, 2 * DAY: 20}
