"""The recalculator: what a change moves, what it leaves alone, and the figures that tell of it."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from domain.recalculations import RecalculationCause
from persistence.database import Database
from persistence.steps import lock_step, remove_step
from tests.support.recalculating import SUNDAY, figures, pause_first, planned, recalculate
from tests.support.world import MONDAY, TWO_STEPS

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("status", "policy"), [("PAUSED", {"when_mailbox_paused": "TRANSFER"}), ("REMOVED", {})]
)
async def test_a_mailbox_that_leaves_hands_its_emails_over(
    worker_db: Database, status: str, policy: dict[str, str]
) -> None:
    """Whole itineraries go to the other mailbox, each move is recorded, and who was there stays."""
    world = await planned(worker_db, 4, steps=TWO_STEPS, mailboxes=2, **policy)
    first, second = world.mailbox_ids
    before = await world.emails()
    leaving = {email.id for email in before if email.mailbox_id == first}

    await pause_first(world, status)
    await recalculate(world)

    after = await world.emails()
    moves = await world.moves()
    (request,) = await world.recalculations()
    assert len(leaving) == 4
    assert {email.mailbox_id for email in after} == {second}
    assert {each.mailbox_id for each in await world.enrollments()} == {second}
    assert {move.email_id for move in moves} == leaving
    assert {(move.from_mailbox_id, move.to_mailbox_id, move.cause) for move in moves} == {
        (first, second, "MAILBOX_HANDED_OVER")
    }
    assert {move.recalculation_id for move in moves} == {request.id}
    stayed = {email.id: email.send_at for email in before} | {
        move.email_id: move.to_send_at for move in moves
    }
    assert {email.id: email.send_at for email in after} == stayed
    assert figures(request) == ("COMPLETED", 4, 4, 4, 0, 0, 0)
    assert (request.started_at, request.finished_at) == (SUNDAY, SUNDAY)


async def test_a_paused_mailbox_keeps_its_emails_by_default(worker_db: Database) -> None:
    """WAIT: not one moves."""
    world = await planned(worker_db, 4, mailboxes=2)
    before = await world.emails()

    await pause_first(world)
    await recalculate(world)

    (request,) = await world.recalculations()
    assert [(email.id, email.send_at) for email in await world.emails()] == [
        (email.id, email.send_at) for email in before
    ]
    assert (await world.moves(), figures(request)) == ([], ("COMPLETED", 2, 2, 0, 2, 0, 0))


async def test_a_mailbox_may_take_its_enrollments_along(worker_db: Database) -> None:
    """CANCEL: those of the paused mailbox end with their emails, the others are not touched."""
    world = await planned(worker_db, 4, steps=TWO_STEPS, mailboxes=2, when_mailbox_paused="CANCEL")

    await pause_first(world)
    await recalculate(world)

    (request,) = await world.recalculations()
    ends = sorted((each.mailbox_id, each.status) for each in await world.enrollments())
    first, second = world.mailbox_ids
    assert ends == sorted([(first, "CANCELLED")] * 2 + [(second, "ACTIVE")] * 2)
    assert sorted(email.status for email in await world.emails()) == ["CANCELLED"] * 4 + ["PENDING"] * 4
    assert figures(request) == ("COMPLETED", 0, 0, 0, 0, 4, 0)


async def test_a_lowered_capacity_moves_only_the_overflow(worker_db: Database) -> None:
    """Of thirty on Monday the last ten leave for Tuesday; twenty keep their times."""
    world = await planned(worker_db, 30)
    before = await world.times()

    await world.execute("UPDATE mailboxes SET daily_capacity = 20")
    await world.request(RecalculationCause.CAPACITY_CHANGED, mailbox_id=world.mailbox_ids[0])
    with capture_logs() as logs:
        await recalculate(world)

    after = await world.times()
    moves = await world.moves()
    (request,) = await world.recalculations()
    delays = sorted((move.to_send_at - move.from_send_at).total_seconds() for move in moves)
    assert after[:20] == before[:20]
    assert {at.date() for at in after[20:]} == {(MONDAY + DAY).date()}
    assert sorted(move.from_send_at for move in moves) == before[20:]
    assert {move.cause for move in moves} == {"CAPACITY_LOWERED"}
    assert figures(request) == ("COMPLETED", 30, 30, 10, 20, 0, 0)
    assert request.max_delay_s == delays[-1]
    told = [log for log in logs if log["event"] == "email.rescheduled"]
    assert sorted((log["email_id"], log["send_at"], log["cause"]) for log in told) == sorted(
        (str(move.email_id), move.to_send_at.isoformat(), move.cause) for move in moves
    )
    assert request.median_delay_s == round((delays[4] + delays[5]) / 2)


async def test_a_removed_step_cancels_its_emails(worker_db: Database, api_db: Database) -> None:
    """The follow-up is cancelled, the first email stays where it was."""
    world = await planned(worker_db, 2, steps=TWO_STEPS)
    first_times = (await world.times())[:2]
    async with api_db.transaction(world.workspace_id) as conn:
        step_id = next(email.step_id for email in await world.emails() if email.send_at > MONDAY + DAY)
        await remove_step(
            conn, world.workspace_id, await lock_step(conn, world.workspace_id, step_id), now=SUNDAY
        )

    await world.request(RecalculationCause.STEPS_CHANGED, sequence_id=world.sequence_id)
    await recalculate(world)

    (request,) = await world.recalculations()
    left = [(email.status, email.send_at) for email in await world.emails() if email.status == "PENDING"]
    assert left == [("PENDING", at) for at in first_times]
    assert figures(request) == ("COMPLETED", 2, 2, 0, 2, 2, 0)


async def test_what_finds_no_place_is_infeasible(worker_db: Database) -> None:
    """After the last date there is none: the email says so, and so do the figures."""
    world = await planned(worker_db, 2)

    await world.execute("UPDATE sequences SET last_date = :day", day=(SUNDAY - DAY).date())
    await world.request(RecalculationCause.WINDOW_CHANGED, sequence_id=world.sequence_id)
    await recalculate(world)

    (request,) = await world.recalculations()
    assert [(email.send_at, email.unplaced_reason) for email in await world.emails()] == [
        (None, "AFTER_LAST_DATE")
    ] * 2
    assert (request.status, request.moved, request.infeasible) == ("COMPLETED", 2, 2)
