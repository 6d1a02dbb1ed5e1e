"""A mailbox that comes back: its contacts return to it, unless the other one has written to them."""

from collections.abc import Sequence
from typing import Any

import pytest

from domain.ids import EmailId, MailboxId
from domain.recalculations import RecalculationCause
from persistence.database import Database
from persistence.sequence_mailboxes import link_mailboxes, unlink_mailboxes
from tests.support.planning_office import Planned
from tests.support.recalculating import pause_first, planned, recalculate
from tests.support.world import TWO_STEPS


async def transferred(worker_db: Database, status: str = "PAUSED") -> tuple[Planned, Sequence[Any]]:
    """Four contacts in two mailboxes, of whom two were handed over; and the emails from before."""
    world = await planned(worker_db, 4, steps=TWO_STEPS, mailboxes=2, when_mailbox_paused="TRANSFER")
    before = await world.emails()
    await pause_first(world, status)
    await recalculate(world)
    return world, before


async def resume_first(world: Planned) -> None:
    first = world.mailbox_ids[0]
    await world.execute("UPDATE mailboxes SET status = 'ACTIVE', removed_at = NULL WHERE id = :id", id=first)
    await world.request(RecalculationCause.MAILBOX_RESUMED, mailbox_id=first)
    await recalculate(world)


def places(emails: Sequence[Any]) -> dict[EmailId, tuple[MailboxId, Any, Any, Any]]:
    return {each.id: (each.mailbox_id, each.send_at, each.window_day, each.send_day) for each in emails}


@pytest.mark.parametrize("status", ["PAUSED", "REMOVED"])
async def test_a_transfer_that_was_not_used_is_undone(worker_db: Database, status: str) -> None:
    """Everything is as it was before, and the way back is told as the way there is."""
    world, before = await transferred(worker_db, status)
    away = {each.mailbox_id for each in await world.enrollments()}

    await resume_first(world)

    first, second = world.mailbox_ids
    back = [move for move in await world.moves() if move.cause == "TRANSFER_UNDONE"]
    assert away == {second}
    assert places(await world.emails()) == places(before)
    assert {each.mailbox_id for each in await world.enrollments()} == {first, second}
    assert {(move.from_mailbox_id, move.to_mailbox_id) for move in back} == {(second, first)}
    assert len(back) == 4


async def test_whom_the_other_mailbox_has_written_to_stays_with_it(worker_db: Database) -> None:
    """A follow-up leaves from the mailbox of the step before it; the other contact goes back."""
    world, before = await transferred(worker_db)
    first, second = world.mailbox_ids
    left = {each.id for each in before if each.mailbox_id == first}
    written_to = next(each for each in await world.emails() if each.id in left)
    await world.execute(
        "UPDATE scheduled_emails SET status = 'SENT', sent_at = send_at WHERE id = :id", id=written_to.id
    )

    await resume_first(world)

    homes = {each.id: each.mailbox_id for each in await world.enrollments()}
    was_at = {each.enrollment_id: each.mailbox_id for each in before}
    assert homes == was_at | {written_to.enrollment_id: second}


async def test_who_moved_on_by_choice_is_not_fetched_back(worker_db: Database) -> None:
    """After a return, a rebalance and another pause the hand-over of the first pause counts no more."""
    world, _ = await transferred(worker_db)
    await resume_first(world)
    first, second = world.mailbox_ids
    await world.execute("UPDATE enrollments SET mailbox_id = :second", second=second)
    await world.execute(
        "INSERT INTO email_moves (workspace_id, email_id, from_mailbox_id, to_mailbox_id, cause, at)"
        " SELECT workspace_id, id, mailbox_id, :second, 'EARLIER', now() FROM scheduled_emails"
        " WHERE mailbox_id = :first",
        first=first,
        second=second,
    )
    await world.execute("UPDATE scheduled_emails SET mailbox_id = :second", second=second)

    await world.request(RecalculationCause.MAILBOX_RESUMED, mailbox_id=first)
    await recalculate(world)

    assert {each.mailbox_id for each in await world.enrollments()} == {second}


async def test_nobody_goes_back_to_a_mailbox_that_serves_the_sequence_no_more(
    worker_db: Database, api_db: Database
) -> None:
    """It came back for others; once it is linked again, they return."""
    world, before = await transferred(worker_db)
    first, second = world.mailbox_ids
    async with api_db.transaction(world.workspace_id) as conn:
        await unlink_mailboxes(conn, world.workspace_id, world.sequence_id, mailbox_ids=[first])
    await resume_first(world)
    unlinked = {each.mailbox_id for each in await world.enrollments()}

    async with api_db.transaction(world.workspace_id) as conn:
        await link_mailboxes(conn, world.workspace_id, world.sequence_id, mailbox_ids=[first])
    await world.request(RecalculationCause.MAILBOX_ADDED, sequence_id=world.sequence_id)
    await recalculate(world)

    assert unlinked == {second}
    assert places(await world.emails()) == places(before)
