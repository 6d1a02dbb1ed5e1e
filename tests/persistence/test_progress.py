"""Progress: one rule says what comes next, and planning and dispatching go by it."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.ids import StepId
from domain.waits import Wait
from persistence.database import Database
from persistence.next_positions import refresh_next_positions
from persistence.open_enrollments import enrollments_for_planning
from persistence.planning_terms import planning_terms
from persistence.progress import complete_left_behind, go_on
from persistence.steps import NewStep, StepText, append_steps, insert_step, lock_step, move_step, remove_step
from persistence.tables import enrollments, scheduled_emails, sequences, steps
from tests.persistence.delivery import NOW, TODAY, Delivery, at, make_delivery
from tests.support.world import make_enrollment, make_sequence

SIX = tuple((0, f"Subject {number}", "Hello") for number in range(1, 7))
GONE = ("SENT", "FAILED", "IN_DOUBT")
UNDER_WAY = ("QUEUED", "SENDING", "COMMITTING", "RETRYING")


def next_by_the_book(order: list[StepId], emails: list[Any]) -> tuple[int, list[StepId]]:
    """
    The rule in plain words, of live steps in *order* and *emails* in the order in which they left.

    The next position, and the steps that remain to be planned.
    """
    gone = [email for email in emails if email.status not in ("PENDING", "CANCELLED")]
    last = next((order.index(email.step_id) for email in reversed(gone) if email.step_id in order), -1)
    had = {email.step_id for email in gone}
    remaining = [step for step in order[last + 1 :] if step not in had]
    under_way = [order.index(e.step_id) for e in gone if e.status in UNDER_WAY and e.step_id in order]
    following = order.index(remaining[0]) if remaining else len(order)
    return (under_way[0] if under_way else following) + 1, remaining


@pytest.mark.parametrize("seed", range(6))
async def test_dispatcher_and_planner_agree_after_any_edits_of_the_steps(
    worker_db: Database, api_db: Database, seed: int
) -> None:
    """Random steps are moved, removed and added under contacts who have got anywhere."""
    chance = random.Random(seed)  # noqa: S311  # steps are no secrets
    delivery = await make_delivery(worker_db, steps=SIX)
    for _ in range(8):
        await _somewhere(delivery, chance)

    for _ in range(4):
        await _edit(api_db, delivery, chance)

    async with worker_db.transaction() as conn:
        terms = await planning_terms(conn, delivery.workspace_id)
        ids = list(await conn.scalars(select(enrollments.c.id)))
        planned = await enrollments_for_planning(conn, delivery.workspace_id, ids, terms=terms)
        live = select(steps.c.id).where(steps.c.removed_at.is_(None)).order_by(steps.c.position)
        order = [StepId(step_id) for step_id in await conn.scalars(live)]
        positions = dict((await conn.execute(select(enrollments.c.id, enrollments.c.next_position))).all())
        for enrollment in planned:
            left = await conn.execute(
                select(scheduled_emails.c.step_id, scheduled_emails.c.status)
                .where(scheduled_emails.c.enrollment_id == enrollment.id)
                .order_by(scheduled_emails.c.last_attempt_at.asc().nulls_last())
            )
            position, remaining = next_by_the_book(order, list(left.all()))
            assert positions[enrollment.id] == position
            assert [leg.step_id for leg in enrollment.legs] == remaining


async def _somewhere(delivery: Delivery, chance: random.Random) -> None:
    """An enrollment some steps of which have left, in any order; of the last it may not be known."""
    reached = chance.sample(range(1, 7), chance.randrange(0, 5))
    enrollment_id = None
    for number, position in enumerate(reached, 1):
        is_last = number == len(reached)
        status = chance.choice(GONE + UNDER_WAY if is_last else GONE)
        email_id = await delivery.add(
            enrollment_id, position=position, status=status, last_attempt_at=NOW + timedelta(hours=number)
        )
        enrollment_id = (await delivery.email(email_id)).enrollment_id
    for position in {1, 6} - set(reached):
        await delivery.add(enrollment_id, position=position)
        if enrollment_id is None:
            break


async def _edit(api_db: Database, delivery: Delivery, chance: random.Random) -> None:
    workspace_id, sequence_id = delivery.workspace_id, delivery.sequence_id
    async with api_db.transaction(workspace_id) as conn:
        live = select(steps.c.id).where(steps.c.removed_at.is_(None)).order_by(steps.c.position)
        order = list(await conn.scalars(live))
        held = await lock_step(conn, workspace_id, chance.choice(order))
        new_step = NewStep(StepText("New", "Hello"), wait=Wait(0))
        match chance.choice(["move", "move", "remove", "insert", "append"]):
            case "move":
                await move_step(conn, workspace_id, held, position=chance.randint(1, len(order)))
            case "remove":
                await remove_step(conn, workspace_id, held, now=NOW)
            case "insert":
                position = chance.randint(1, len(order))
                await insert_step(conn, workspace_id, sequence_id, new_step=new_step, position=position)
            case _:
                await append_steps(conn, workspace_id, sequence_id, new_steps=[new_step])
        await refresh_next_positions(conn, workspace_id, sequence_id)


async def advance(delivery: Delivery, *ids: Any) -> None:
    async with delivery.db.transaction() as conn:
        await go_on(conn, ids, now=NOW)


async def test_who_ended_goes_on_no_more(delivery: Delivery) -> None:
    """What was settled afterwards changes nothing of it."""
    sent = await delivery.add(status="SENT", sent_at=NOW, enrollment={"status": "REPLIED"})
    before = await delivery.enrollment_of(sent)

    await advance(delivery, before.id)

    assert await delivery.enrollment_of(sent) == before


async def test_who_is_paused_goes_on_in_its_place(delivery: Delivery) -> None:
    """An email that was on its way when it was paused has left."""
    sent = await delivery.add(
        status="SENT", sent_at=at(9, 1), enrollment={"status": "PAUSED", "next_not_before": NOW}
    )

    await advance(delivery, (await delivery.enrollment_of(sent)).id)

    enrollment = await delivery.enrollment_of(sent)
    assert (enrollment.status, enrollment.next_position, enrollment.started_at) == ("PAUSED", 2, at(9, 1))
    assert (enrollment.last_window_day, enrollment.next_not_before) == (TODAY, None)


async def test_of_two_that_left_at_once_the_later_one_counts(delivery: Delivery) -> None:
    """By id, as everywhere."""
    first = await delivery.add(status="SENT", sent_at=NOW)
    owner = (await delivery.email(first)).enrollment_id
    await delivery.add(owner, position=2, status="SENT", sent_at=NOW)

    await advance(delivery, owner)

    enrollment = await delivery.enrollment_of(first)
    assert (enrollment.status, enrollment.current_step) == ("COMPLETED", 2)


async def test_sequences_whose_last_two_ended_at_once_are_completed_later(worker_db: Database) -> None:
    """Two transactions, each of which sees the other's enrollment open, leave it active."""
    delivery = await make_delivery(worker_db, steps=((0, "Hi", "Hello"),))
    due = await delivery.due(2)
    attempts = [await delivery.begun(email_id) for email_id in due]
    await delivery.commit(*attempts)
    async with worker_db.transaction() as conn:
        empty = await make_sequence(conn, delivery.workspace_id)
        busy = await make_sequence(conn, delivery.workspace_id)
        await make_enrollment(conn, delivery.workspace_id, busy)
    for email_id in due:
        await delivery.change(scheduled_emails, email_id, status="SENT", sent_at=NOW)

    async with worker_db.transaction() as one, worker_db.transaction() as other:
        await go_on(one, [attempts[0].enrollment_id], now=NOW)
        await go_on(other, [attempts[1].enrollment_id], now=NOW)
    async with worker_db.transaction() as conn:
        left_active = await conn.scalar(
            select(sequences.c.status).where(sequences.c.id == delivery.sequence_id)
        )
        completed = await complete_left_behind(conn, now=NOW)
        nothing = await complete_left_behind(conn, now=NOW)
        statuses = dict((await conn.execute(select(sequences.c.id, sequences.c.status))).all())

    assert (left_active, completed, nothing) == ("ACTIVE", [delivery.sequence_id], [])
    assert statuses == {delivery.sequence_id: "COMPLETED", empty: "ACTIVE", busy: "ACTIVE"}
