"""The timekeeper: a tick finds what there is to do, and what it publishes is committed before."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from dramatiq import Message
from sqlalchemy import insert, select, text, update
from structlog.testing import capture_logs

from actors.in_process_broker import InProcessBroker
from actors.outage import OutageCause, QueueUnavailable
from actors.publisher import MessageStore, Publisher
from actors.timekeeper import Timekeeper
from domain.delivery import RETRY_SCHEDULE
from domain.recalculations import RecalculationCause
from persistence.database import Database, libpq_url
from persistence.dispatches import taken
from persistence.ids import uuid7
from persistence.leadership import Leader, LeadershipLost, lead
from persistence.tables import (
    dispatches,
    idempotency_keys,
    mailboxes,
    rate_limits,
    recalculations,
    schedule_runs,
    scheduled_emails,
)
from tests.support.planning_office import make_planned
from tests.support.post_office import GRACE, make_due_emails
from tests.support.queueing import message_for
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY


class Shelf:
    """A queue that keeps the actors it was told to set off, and asks *look* about each message first."""

    def __init__(self, look: Callable[[Message[Any]], object] = lambda message: None) -> None:
        self.published: list[tuple[str, tuple[object, ...]]] = []
        self.is_away = False
        self._look = look

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        if self.is_away:
            raise QueueUnavailable(address="127.0.0.1:1/", cause=OutageCause.REFUSED, detail="nobody")
        self._look(message)
        self.published.append((message.actor_name, message.args[1:]))
        return message

    def depths(self) -> Mapping[str, int]:
        return {}

    def keep_alive(self) -> None: ...

    def disconnect(self) -> None: ...


@dataclass(frozen=True)
class Office:
    timekeeper: Timekeeper
    leader: Leader
    clock: StandingClock

    async def tick(self) -> int:
        return await self.timekeeper.tick(self.leader)


@asynccontextmanager
async def leading(
    database: Database,
    url: str,
    store: MessageStore,
    *,
    on_tick: Callable[[datetime], object] = lambda now: None,
) -> AsyncIterator[Office]:
    clock, publisher = StandingClock(), Publisher(store)
    timekeeper = Timekeeper(database=database, publisher=publisher, clock=clock, grace=GRACE, on_tick=on_tick)
    try:
        async with lead(url) as leader:
            assert leader is not None
            yield Office(timekeeper, leader, clock)
    finally:
        await publisher.close()


async def test_a_tick_sets_off_who_has_work(worker_db: Database, database_url: str) -> None:
    """Planner and recalculator for their workspace, dispatcher and rescue for all; without work nobody."""
    shelf = Shelf()
    async with leading(worker_db, database_url, shelf) as office:
        idle = await office.tick()
        world = await make_planned(worker_db)
        await world.enroll(1)
        await world.request(RecalculationCause.REBALANCE)
        await world.let_a_second_pass()
        await make_due_emails(worker_db, 1)
        await make_due_emails(worker_db, 1, status="RETRYING", retry_at=MONDAY - GRACE)
        busy = await office.tick()

    assert (idle, busy) == (0, 4)
    assert shelf.published == [
        ("planner", (str(world.workspace_id),)),
        ("recalculator", (str(world.workspace_id),)),
        ("dispatcher", ()),
        ("rescue", ()),
    ]


async def test_a_tick_lets_mailboxes_that_rest_forget_what_ended(
    worker_db: Database, database_url: str
) -> None:
    """So that nobody looks at it any more; what is under way is still named."""
    ended = await make_due_emails(worker_db, 1, status="QUEUED")
    under_way = await make_due_emails(worker_db, 1, status="QUEUED")
    async with worker_db.transaction() as conn:
        await conn.execute(
            update(scheduled_emails).where(scheduled_emails.c.id == ended[0]).values(status="SENT")
        )
    async with leading(worker_db, database_url, Shelf()) as office:
        before = await names(worker_db)
        await office.tick()

    assert (before, await names(worker_db)) == (sorted([ended, under_way]), sorted([[], under_way]))


async def names(database: Database) -> list[list[UUID]]:
    """What each mailbox names as under way."""
    async with database.transaction() as conn:
        return sorted(await conn.scalars(select(mailboxes.c.under_way)))


async def test_a_trigger_is_committed_before_it_is_published(worker_db: Database, database_url: str) -> None:
    """Whoever takes the message finds its dispatch, over any other connection."""
    found = []

    def look(message: Message[Any]) -> None:
        with psycopg.connect(libpq_url(database_url)) as conn:
            query = "SELECT actor FROM dispatches WHERE id = %s"
            found.append(conn.execute(query, [message.args[0]]).fetchone())

    await make_due_emails(worker_db, 1)
    async with leading(worker_db, database_url, Shelf(look)) as office:
        await office.tick()

    assert found == [("dispatcher",)]


async def test_triggers_do_not_pile_up(worker_db: Database, database_url: str) -> None:
    """The next one follows when the last was taken, or after ten seconds, when it must be lost."""
    shelf = Shelf()
    await make_due_emails(worker_db, 1)
    async with leading(worker_db, database_url, shelf) as office:
        first = [await office.tick() for _ in range(3)]
        async with worker_db.transaction() as conn:
            await taken(conn, (await conn.scalars(select(dispatches.c.id))).one())
        after_taken = [await office.tick() for _ in range(2)]
        async with worker_db.transaction() as conn:
            await conn.execute(text("UPDATE dispatches SET created_at = created_at - interval '11 s'"))
        after_loss = [await office.tick() for _ in range(2)]

    assert (first, after_taken, after_loss) == ([1, 0, 0], [1, 0], [1, 0])
    assert shelf.published == [("dispatcher", ())] * 3


async def test_without_a_broker_the_tick_ends_quickly(worker_db: Database, database_url: str) -> None:
    """The first refusal is told, the rest is not tried; a later tick publishes what is lost by then."""
    shelf = Shelf()
    shelf.is_away = True
    world = await make_planned(worker_db)
    await world.enroll(1)
    await make_due_emails(worker_db, 1)
    async with leading(worker_db, database_url, shelf) as office:
        with capture_logs() as logs:
            await office.tick()
        shelf.is_away = False
        async with worker_db.transaction() as conn:
            await conn.execute(text("UPDATE dispatches SET created_at = created_at - interval '11 s'"))
        await office.tick()

    assert [(log["event"], log["actor"]) for log in logs] == [("trigger.not_published", "planner")]
    assert [actor for actor, _ in shelf.published] == ["planner", "dispatcher"]


async def test_who_leads_no_more_writes_nothing(worker_db: Database, database_url: str) -> None:
    """An epoch that a younger leader overtook is fenced off."""
    shelf = Shelf()
    await make_due_emails(worker_db, 1)
    async with leading(worker_db, database_url, shelf) as office:
        async with worker_db.transaction() as conn:
            await conn.execute(text("UPDATE clock_leaders SET epoch = epoch + 1"))
        with pytest.raises(LeadershipLost):
            await office.tick()

    async with worker_db.transaction() as conn:
        triggers = (await conn.execute(select(dispatches))).all()
        runs = (await conn.execute(select(schedule_runs))).all()
    assert (shelf.published, triggers, runs) == ([], [], [])


async def test_a_leader_without_session_ticks_no_more(worker_db: Database, database_url: str) -> None:
    """PostgreSQL ended the session, and with it the lock."""
    async with leading(worker_db, database_url, Shelf()) as office:
        with psycopg.connect(libpq_url(database_url), autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'drumbeat clock leader'"
            )
        with pytest.raises(LeadershipLost):
            await office.tick()


async def test_the_night_is_run_once_for_each_date(worker_db: Database, database_url: str) -> None:
    """It forgets what is over; the next run is after midnight."""
    world = await make_planned(worker_db)
    async with worker_db.transaction() as conn:
        for days in (6, 8):
            at = datetime.now(UTC) - timedelta(days=days)
            await conn.execute(insert(dispatches).values(id=uuid7(), actor="sender", created_at=at))
        await conn.execute(text("SET LOCAL ROLE none"))
        for hours in (-1, 1):
            at = datetime.now(UTC) + timedelta(hours=hours)
            of_key = {"workspace_id": world.workspace_id, "key": str(hours), "request_hash": b""}
            claimed = {"claim": uuid7(), "claimed_until": at, "expires_at": at}
            await conn.execute(insert(idempotency_keys).values(of_key | claimed))
            counted = {"subject": str(hours), "window_start": at, "used": 1, "granted": 1}
            await conn.execute(insert(rate_limits).values(counted))
    async with leading(worker_db, database_url, Shelf()) as office:
        await office.tick()
        await office.tick()
        office.clock.pass_by(timedelta(hours=15))
        await office.tick()
    async with worker_db.transaction() as conn:
        days_run = list(await conn.scalars(select(schedule_runs.c.day).order_by(schedule_runs.c.day)))
        kept = len((await conn.execute(select(dispatches))).all())
        keys = list(await conn.scalars(select(idempotency_keys.c.key)))
        subjects = list(await conn.scalars(select(rate_limits.c.subject)))

    assert (days_run, kept) == ([MONDAY.date(), MONDAY.date() + timedelta(days=1)], 1)
    assert (keys, subjects) == (["1"], ["1"])


async def test_a_night_sets_off_the_recalculator(worker_db: Database, database_url: str) -> None:
    """At once: nobody else makes a change that it could wait for."""
    shelf = Shelf()
    world = await make_planned(worker_db)
    async with leading(worker_db, database_url, shelf) as office:
        await office.tick()
        await world.enroll(1, status="ACTIVE", planned_at=MONDAY)
        office.clock.pass_by(timedelta(hours=15))
        await office.tick()

    (request,) = await world.recalculations()
    assert (request.cause, request.requested_at) == ("NIGHTLY", MONDAY + timedelta(hours=15))
    assert shelf.published == [("recalculator", (str(world.workspace_id),))]


async def test_a_rested_mailbox_sends_again(worker_db: Database, database_url: str) -> None:
    """At the end of its block it is ACTIVE, and its emails are placed anew."""
    shelf = Shelf()
    world = await make_planned(worker_db, mailbox={"status": "BLOCKED", "blocked_until": MONDAY})
    async with leading(worker_db, database_url, shelf) as office:
        office.clock.present = MONDAY - timedelta(seconds=1)
        await office.tick()
        early = list(shelf.published)
        office.clock.present = MONDAY
        await office.tick()
        await world.let_a_second_pass()
        await office.tick()
    async with worker_db.transaction() as conn:
        status = await conn.scalar(select(mailboxes.c.status))
        cause = await conn.scalar(select(recalculations.c.cause))

    assert (early, status, cause) == ([], "ACTIVE", "MAILBOX_RESUMED")
    assert shelf.published == [("recalculator", (str(world.workspace_id),))]


async def test_a_tick_releases_what_waited_in_process(worker_db: Database, database_url: str) -> None:
    """By business time, and before anything is looked for."""
    broker = InProcessBroker(retry_schedule=RETRY_SCHEDULE, now=lambda: MONDAY)
    broker.declare_all()
    broker.enqueue(message_for("sender", None, []), delay=300_000)
    async with leading(worker_db, database_url, broker, on_tick=broker.release_due) as office:
        await office.tick()
        early = broker.depths()["sender"]
        office.clock.pass_by(timedelta(minutes=5))
        await office.tick()

    assert (early, broker.depths()["sender"]) == (0, 1)
