"""Batches on their way: planned at their pace, kept through recalculations, sent and completed."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import update

from actors.recalculator import Recalculator
from app.capture_server import CaptureServer
from domain.recalculations import RecalculationCause
from persistence.database import Database
from persistence.recalculation_requests import request_recalculation
from persistence.tables import mailboxes
from tests.support.batching import Batch, make_batch
from tests.support.planning_office import WORKDAYS
from tests.support.post_office import post_office
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY, make_enrollment, make_sequence

AN_HOUR = timedelta(hours=1)
PACE = timedelta(seconds=18)


async def recalculate(batch: Batch, cause: RecalculationCause) -> None:
    async with batch.database.transaction() as conn:
        await request_recalculation(
            conn, batch.workspace_id, cause=cause, requested_by="a test", now=MONDAY - AN_HOUR
        )
    recalculator = Recalculator(database=batch.database, clock=StandingClock(MONDAY - AN_HOUR))
    await recalculator(None, str(batch.workspace_id))


@pytest.mark.parametrize("turn", [10_000, 100])
async def test_250_at_200_an_hour_are_planned_as_200_and_50(
    worker_db: Database, api_db: Database, turn: int
) -> None:
    """In order, also when the planner takes them in several turns; and nothing moves them afterwards."""
    batch = await make_batch(
        worker_db, api_db, 250, boxes=2, mailbox={"daily_capacity": 500}, hourly_limit=200
    )

    await batch.plan(MONDAY - AN_HOUR, turn=turn)

    planned = await batch.times()
    assert planned == [number * PACE for number in range(250)]
    assert Counter(time // AN_HOUR for time in planned) == {0: 200, 1: 50}
    await recalculate(batch, RecalculationCause.REBALANCE)
    assert await batch.times() == planned


async def test_turns_of_the_planner_keep_the_pace_to_each_other(
    worker_db: Database, api_db: Database
) -> None:
    """Two mailboxes of four a day, six contacts a turn: the second day is planned in two turns."""
    batch = await make_batch(
        worker_db,
        api_db,
        16,
        boxes=2,
        mailbox={"daily_capacity": 4},
        settings={"send_window": WORKDAYS},
        hourly_limit=200,
    )

    await batch.plan(MONDAY - AN_HOUR, turn=6)

    tuesday = timedelta(days=1)
    assert await batch.times() == [
        *(number * PACE for number in range(8)),
        *(tuesday + number * PACE for number in range(8)),
    ]


async def test_lowered_capacity_leaves_the_pace_to_those_that_move(
    worker_db: Database, api_db: Database
) -> None:
    """Of 60 the last 30 go to Tuesday, in order and 18 seconds apart from nine o'clock on."""
    batch = await make_batch(
        worker_db,
        api_db,
        60,
        mailbox={"daily_capacity": 60},
        settings={"send_window": WORKDAYS},
        hourly_limit=200,
    )
    await batch.plan(MONDAY - AN_HOUR)

    async with worker_db.transaction() as conn:
        await conn.execute(update(mailboxes).values(daily_capacity=30))
    await recalculate(batch, RecalculationCause.CAPACITY_CHANGED)

    tuesday = timedelta(days=1)
    assert await batch.times() == [
        *(number * PACE for number in range(30)),
        *(tuesday + number * PACE for number in range(30)),
    ]


async def test_a_narrow_window_does_not_push_a_batch_before_its_start(
    worker_db: Database, api_db: Database
) -> None:
    """Its emails hold all slots from ten to eleven; whoever can only leave then has to wait for Tuesday."""
    batch = await make_batch(
        worker_db,
        api_db,
        2,
        mailbox={"daily_capacity": 0, "minimum_gap_s": 1800},
        starts_at=MONDAY + AN_HOUR,
        delay_between_emails_s=1800,
    )
    await batch.plan(MONDAY - AN_HOUR)
    narrow = {"weekdays": [1, 2], "intervals": [["10:00", "11:00"]]}
    async with worker_db.transaction() as conn:
        other = await make_sequence(
            conn, batch.workspace_id, mailboxes=batch.mailbox_ids, send_window=narrow, steps=((0, "a", "b"),)
        )
        await make_enrollment(conn, batch.workspace_id, other)

    await batch.plan(MONDAY - AN_HOUR)

    assert await batch.times() == [AN_HOUR, 1.5 * AN_HOUR]


async def test_a_batch_without_a_pace_is_spread_evenly_from_its_start_on(
    worker_db: Database, api_db: Database
) -> None:
    """Four emails from one o'clock until five: one an hour."""
    batch = await make_batch(
        worker_db,
        api_db,
        4,
        mailbox={"daily_capacity": 0, "minimum_gap_s": 60},
        settings={"send_window": WORKDAYS},
        starts_at=MONDAY + 4 * AN_HOUR,
    )

    await batch.plan()

    assert await batch.times() == [4 * AN_HOUR, 5 * AN_HOUR, 6 * AN_HOUR, 7 * AN_HOUR]


async def test_a_batch_arrives_at_its_pace_and_is_complete_then(
    worker_db: Database, api_db: Database
) -> None:
    """One a minute: each arrives in its turn, and none before its time."""
    with CaptureServer() as server:
        batch = await make_batch(
            worker_db, api_db, 3, mailbox={"port": server.port}, delay_between_emails_s=60
        )
        await batch.plan()
        arrived = []
        async with post_office(worker_db) as office:
            for _ in range(3):
                await office.send_due()
                await office.send_due()
                arrived.append((len(server.received), await batch.status()))
                office.clock.pass_by(timedelta(minutes=1))

    assert arrived == [(1, "ACTIVE"), (2, "ACTIVE"), (3, "COMPLETED")]
    emails = await batch.emails()
    assert [(email.status, email.subject, email.sent_at) for email in emails] == [
        ("SENT", f"Welcome, Reader {number}", MONDAY + timedelta(minutes=number)) for number in range(3)
    ]
    assert [each.status for each in await batch.enrollments()] == ["COMPLETED"] * 3
