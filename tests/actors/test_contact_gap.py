"""Emails to one contact, days apart: what planner and recalculator make of the workspace's gap."""

from datetime import date, timedelta

from app.verification import verify
from domain.gate import Hold
from domain.recalculations import RecalculationCause
from persistence.attempts import Held, Ticket
from persistence.claims import claim_due
from persistence.database import Database
from persistence.gate import begin_attempts
from tests.support.post_office import LEASE
from tests.support.recalculating import SUNDAY, figures, recalculate
from tests.support.shared_contacts import SharedContacts, make_shared_contacts
from tests.support.world import make_contact

MON, TUE, WED, THU = (date(2026, 3, day) for day in range(2, 6))


async def set_gap(world: SharedContacts, days: int | None, cause: RecalculationCause) -> None:
    """Set the gap, and carry out a recalculation."""
    await world.set_gap(days)
    await world.first.request(cause)
    await recalculate(world.first)


async def unsettled(database: Database) -> int:
    """How many emails `drumbeat verify` finds that planning again would move."""
    promises = [each async for each in verify(database, now=SUNDAY)]
    return sum(each.breach.count for each in promises if each.name == "settled plan")


async def test_who_is_enrolled_elsewhere_later_gets_emails_on_other_days(worker_db: Database) -> None:
    """Two turns of the planner: what the first one placed is what the second one keeps away from."""
    world = await make_shared_contacts(worker_db)
    await world.set_gap(3)
    await world.plan()

    assert await world.days() == {"first": [MON], "second": [THU]}
    assert await unsettled(worker_db) == 0


async def test_a_gap_that_is_raised_moves_what_it_breaks_and_says_why(worker_db: Database) -> None:
    """First none, then three days, then five; people in one sequence are not even looked at."""
    world = await make_shared_contacts(worker_db)
    await world.first.enroll(5)
    await world.plan()
    planned = await world.days()
    times = {email.id: email.send_at for email in await world.first.emails()}

    await set_gap(world, 3, RecalculationCause.CONTACT_GAP_RAISED)
    raised = await world.days()
    await set_gap(world, 5, RecalculationCause.CONTACT_GAP_RAISED)

    assert planned == {"first": [MON], "second": [MON]}
    assert raised == {"first": [MON], "second": [THU]}
    assert await world.days() == {"first": [MON], "second": [date(2026, 3, 9)]}
    requests, moves = await world.first.recalculations(), await world.first.moves()
    assert [figures(each) for each in requests] == [("COMPLETED", 2, 2, 1, 1, 0, 0)] * 2
    assert [(move.cause, move.recalculation_id) for move in moves] == [
        ("CONTACT_MIN_GAP", request.id) for request in requests
    ]
    moved = {move.email_id for move in moves}
    assert len(moved) == 1
    assert {each.id for each in await world.first.emails() if each.send_at != times[each.id]} == moved
    assert await unsettled(worker_db) == 0


async def test_a_gap_that_is_lifted_moves_those_who_gain_more_than_a_day(worker_db: Database) -> None:
    """From one day nobody gains enough; from three the second sequence's email comes back to Monday."""
    world = await make_shared_contacts(worker_db)
    await world.set_gap(1)
    await world.plan()
    close = await world.days()

    await set_gap(world, None, RecalculationCause.CONTACT_GAP_LOWERED)
    unmoved = await world.days()
    await set_gap(world, 3, RecalculationCause.CONTACT_GAP_RAISED)
    apart = await world.days()
    await set_gap(world, 1, RecalculationCause.CONTACT_GAP_LOWERED)

    assert close == unmoved == {"first": [MON], "second": [TUE]}
    assert apart == {"first": [MON], "second": [THU]}
    assert await world.days() == close
    assert [move.cause for move in await world.first.moves()] == ["EARLIER", "CONTACT_MIN_GAP"]
    assert await unsettled(worker_db) == 0


async def test_a_setting_without_a_plan_that_keeps_it_is_found_by_the_verification(
    worker_db: Database,
) -> None:
    """Planning again what is planned would move the email that is too close."""
    world = await make_shared_contacts(worker_db)
    await world.plan()

    before = await unsettled(worker_db)
    await world.set_gap(2)

    assert (before, await unsettled(worker_db)) == (0, 1)


async def test_who_is_on_hold_is_kept_away_from(worker_db: Database) -> None:
    """Its emails keep their times, which count as ever."""
    world = await make_shared_contacts(worker_db)
    await world.plan()
    await world.first.execute(
        "UPDATE enrollments SET status = 'PAUSED', paused_at = enrolled_at WHERE sequence_id = :id",
        id=world.second.sequence_id,
    )

    await set_gap(world, 2, RecalculationCause.CONTACT_GAP_RAISED)

    assert await world.days() == {"first": [WED], "second": [MON]}


async def test_an_email_that_the_gap_keeps_from_its_last_date_has_that_reason(worker_db: Database) -> None:
    """Until the gap is lower: then it has its time."""
    world = await make_shared_contacts(worker_db, last_date=TUE)
    await world.set_gap(3)
    await world.plan()
    reasons = [email.unplaced_reason for email in await world.first.emails()]

    await set_gap(world, 1, RecalculationCause.CONTACT_GAP_LOWERED)

    assert reasons == [None, "CONTACT_MIN_GAP"]
    assert await world.days() == {"first": [MON], "second": [TUE]}


async def test_what_left_late_holds_what_was_planned_behind_it(worker_db: Database) -> None:
    """Monday's email leaves on Wednesday: Thursday's does not leave on Thursday, and moves at once."""
    world = await make_shared_contacts(worker_db)
    await world.set_gap(3)
    await world.plan()
    late, due = await world.first.emails()
    await world.first.execute(
        "UPDATE scheduled_emails SET status = 'SENT', sent_at = :at, window_day = :day WHERE id = :id",
        at=late.send_at + timedelta(days=2),
        day=WED,
        id=late.id,
    )

    async with worker_db.transaction() as conn:
        claimed, _, _ = await claim_due(conn, now=due.send_at, limit=1, most_queued=1, lease=LEASE)
        ticket = Ticket(claimed[0].email_id, claimed[0].attempt)
        admitted = await begin_attempts(conn, [ticket], now=due.send_at, lease=LEASE)
    await world.plan(now=due.send_at)

    assert admitted == {due.id: Held(due.id, Hold.CONTACT_MIN_GAP)}
    assert await world.days() == {"first": [WED], "second": [date(2026, 3, 9)]}
    assert [(move.email_id, move.cause) for move in await world.first.moves()] == [(due.id, "RELEASED")]


async def test_the_night_pulls_forward_and_keeps_the_gap(worker_db: Database) -> None:
    """Monday becomes free, and is too close to Tuesday for Thursday's email while there is a gap."""
    world = await make_shared_contacts(worker_db)
    await world.first.execute("UPDATE mailboxes SET daily_capacity = 1")
    async with worker_db.transaction() as conn:
        other = await make_contact(conn, world.first.workspace_id)
    await world.enroll(world.second, other, enrolled_at=SUNDAY)
    await world.set_gap(2)
    await world.plan()
    before = await world.days()
    await world.first.execute("UPDATE enrollments SET status = 'CANCELLED' WHERE contact_id = :id", id=other)
    await world.first.execute(
        "UPDATE scheduled_emails SET status = 'CANCELLED' WHERE contact_id = :id", id=other
    )

    await set_gap(world, 2, RecalculationCause.NIGHTLY)
    apart = await world.days()
    await set_gap(world, None, RecalculationCause.NIGHTLY)

    assert before == apart == {"first": [TUE], "second": [THU]}
    assert await world.days() == {"first": [TUE], "second": [MON]}
