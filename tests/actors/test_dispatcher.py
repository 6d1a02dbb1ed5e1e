"""The dispatcher: what it claims and how it travels; the rescuer: what it finds again."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dramatiq import Message
from prometheus_client import REGISTRY
from sqlalchemy import select, text, update
from structlog.testing import capture_logs
from typing_extensions import override

from actors.dispatcher import Dispatcher, Rescuer
from actors.outage import OutageCause, QueueUnavailable
from actors.publisher import Publisher
from persistence.database import Database
from persistence.dispatches import trigger
from persistence.tables import dispatches, scheduled_emails
from tests.support.post_office import GRACE, LEASE, make_due_emails, post_office
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY

FIVE = timedelta(minutes=5)


class NoBroker:
    """A queue that takes nothing, as RabbitMQ does while it is away."""

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        raise QueueUnavailable(address="127.0.0.1:1/", cause=OutageCause.REFUSED, detail="nobody")

    def depths(self) -> Mapping[str, int]:
        return {}

    def keep_alive(self) -> None: ...

    def disconnect(self) -> None: ...


async def statuses(database: Database) -> dict[str, int]:
    async with database.transaction() as conn:
        counted = await conn.execute(
            text("SELECT status, count(*) AS emails FROM scheduled_emails GROUP BY status")
        )
        return {row.status: row.emails for row in counted}


async def let_leases_end(database: Database) -> None:
    async with database.transaction() as conn:
        await conn.execute(text("UPDATE scheduled_emails SET lease_until = now() - interval '1 second'"))


async def test_due_emails_travel_in_batches_of_a_hundred(worker_db: Database) -> None:
    """Of 120 mailboxes as many are two messages, each noted with its size; all are queued."""
    email_ids = await make_due_emails(worker_db, 120)
    async with post_office(worker_db) as office:
        await office.dispatcher(None)
        messages = office.take_messages()
    async with worker_db.transaction() as conn:
        noted = (
            await conn.execute(
                select(dispatches.c.id, dispatches.c.actor, dispatches.c.email_count).order_by(
                    dispatches.c.id
                )
            )
        ).all()

    assert [len(tickets) for _, tickets in messages] == [100, 20]
    assert [(str(row.id), row.email_count) for row in noted] == [
        (dispatch_id, len(tickets)) for dispatch_id, tickets in messages
    ]
    assert {row.actor for row in noted} == {"sender"}
    carried = [ticket for _, tickets in messages for ticket in tickets]
    assert sorted(carried) == sorted((str(email_id), 1) for email_id in email_ids)
    assert await statuses(worker_db) == {"QUEUED": 120}


async def test_an_email_that_its_worker_died_of_travels_alone(worker_db: Database) -> None:
    """Its neighbours share a message; the suspect takes nobody along."""
    (suspect,) = await make_due_emails(worker_db, 1, crashes=1, attempt=1)
    healthy = await make_due_emails(worker_db, 3)
    async with post_office(worker_db) as office:
        await office.dispatcher(None)
        messages = [message[1:] for message in office.take_messages()]

    assert [(sorted(tickets), *alone) for tickets, *alone in messages] == [
        (sorted((str(email_id), 1) for email_id in healthy),),
        ([(str(suspect), 2)], True),
    ]


def lateness(most_s: float) -> float:
    """How many emails were claimed up to *most_s* seconds after their time."""
    return REGISTRY.get_sample_value("drumbeat_lateness_seconds_bucket", {"le": str(most_s)}) or 0


async def test_how_late_an_email_is_claimed_is_measured(worker_db: Database) -> None:
    """From the time that it was planned for to the claim, by business time."""
    for late_s in (0, 7, 8, 40):
        await make_due_emails(worker_db, 1, send_at=MONDAY - timedelta(seconds=late_s))
    bounds = (1.0, 5.0, 10.0, 60.0)
    before = [lateness(bound) for bound in bounds]
    async with post_office(worker_db) as office:
        await office.dispatcher(None)
        await office.dispatcher(None)

    assert await statuses(worker_db) == {"QUEUED": 4}
    assert [lateness(bound) - was for bound, was in zip(bounds, before, strict=True)] == [1, 1, 3, 4]


async def test_no_more_is_queued_than_the_senders_can_take(worker_db: Database) -> None:
    """With room for five, five of eight are claimed; three more when those have begun."""
    await make_due_emails(worker_db, 8)
    async with post_office(worker_db, most_queued=5) as office:
        await office.dispatcher(None)
        await office.dispatcher(None)
        queued_first = await statuses(worker_db)
        async with worker_db.transaction() as conn:
            await conn.execute(
                update(scheduled_emails).where(scheduled_emails.c.status == "QUEUED").values(status="SENDING")
            )
        await office.dispatcher(None)

    assert queued_first == {"QUEUED": 5, "PENDING": 3}
    assert await statuses(worker_db) == {"SENDING": 5, "QUEUED": 3}


class SlowClock(StandingClock):
    """Takes a fifteenth of a second to say what time it is, which a claim then takes longer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_at: list[float] = []

    @override
    async def now(self) -> datetime:
        self.asked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.07)
        return await super().now()


async def test_the_longer_a_claim_takes_the_longer_it_rests(worker_db: Database) -> None:
    """After a claim that found something it looks again, as long after that as the claim took."""
    await make_due_emails(worker_db, 1)
    clock = SlowClock()
    async with post_office(worker_db) as office:
        publisher = Publisher(office.broker)
        dispatcher = Dispatcher(
            database=worker_db,
            publisher=publisher,
            clock=clock,
            lease=LEASE,
            most_queued=1000,
            goes_on_s=0.5,
        )
        await dispatcher(None)
        await publisher.close()

    first, second, *_ = clock.asked_at
    assert second - first >= 2 * 0.07


async def test_what_could_not_be_published_is_dispatched_after_its_lease(worker_db: Database) -> None:
    """Without a broker the rows stay claimed and no more are; rescued, they are claimed and sent again."""
    await make_due_emails(worker_db, 120)
    publisher = Publisher(NoBroker())
    clock = StandingClock()
    cut_off = Dispatcher(database=worker_db, publisher=publisher, clock=clock, lease=LEASE, most_queued=1000)
    with capture_logs() as logs:
        await cut_off(None)
    await publisher.close()
    claimed = await statuses(worker_db)
    await let_leases_end(worker_db)

    async with post_office(worker_db) as office:
        await office.rescuer(None)
        rescued = await statuses(worker_db)
        office.clock.pass_by(timedelta(seconds=1))
        await office.dispatcher(None)
        messages = office.take_messages()

    assert [(log["event"], log["count"]) for log in logs] == [("emails.not_published", 100)]
    assert (claimed, rescued) == ({"QUEUED": 120}, {"PENDING": 120})
    assert [len(tickets) for _, tickets in messages] == [100, 20]
    assert {number for _, tickets in messages for _, number in tickets} == {1}


async def test_a_trigger_is_noted_as_taken_and_processed(worker_db: Database) -> None:
    """So that the clock knows that the next one may follow."""
    async with worker_db.transaction() as conn:
        dispatch_id = await trigger(conn, "dispatcher")
        rescue_id = await trigger(conn, "rescue")
    async with post_office(worker_db) as office:
        await office.dispatcher(str(dispatch_id))
        await office.rescuer(str(rescue_id))
    async with worker_db.transaction() as conn:
        rows = (await conn.execute(select(dispatches))).all()

    assert {row.id for row in rows} == {dispatch_id, rescue_id}
    assert all(row.taken_at <= row.processed_at for row in rows)


async def test_overdue_retries_are_published_again(worker_db: Database) -> None:
    """A retry whose message was lost is found once in every grace, under the number of its next attempt."""
    (email_id,) = await make_due_emails(
        worker_db, 1, status="RETRYING", attempt=2, retry_at=MONDAY + FIVE, retry_count=2
    )
    async with post_office(worker_db) as office:
        office.clock.pass_by(FIVE + GRACE - timedelta(seconds=1))
        await office.rescuer(None)
        early = office.take_messages()
        office.clock.pass_by(timedelta(seconds=1))
        await office.rescuer(None)
        await office.rescuer(None)
        messages = office.take_messages()
        email = await office.email(email_id)

    assert early == []
    assert messages == [(None, [(str(email_id), 3)])]
    assert (email.status, email.retry_at) == ("RETRYING", MONDAY + FIVE + GRACE)


async def test_a_rescue_without_broker_ends_quietly(worker_db: Database) -> None:
    """What it could not publish is overdue again after the grace."""
    await make_due_emails(worker_db, 1, status="RETRYING", attempt=1, retry_at=MONDAY)
    publisher = Publisher(NoBroker())
    clock = StandingClock(MONDAY + GRACE)
    rescuer = Rescuer(database=worker_db, publisher=publisher, clock=clock, grace=GRACE)

    with capture_logs() as logs:
        await rescuer(None)
        clock.pass_by(GRACE)
        await rescuer(None)
    await publisher.close()

    assert [(log["event"], log["count"]) for log in logs] == [("emails.not_published", 1)] * 2


async def test_what_was_lost_after_the_mark_is_a_doubt(worker_db: Database) -> None:
    """COMMITTING whose lease ran out is IN_DOUBT; SENDING is pending again and counts a crash."""
    (doubtful,) = await make_due_emails(worker_db, 1, status="COMMITTING", attempt=1)
    (unharmed,) = await make_due_emails(worker_db, 1, status="SENDING", attempt=1)
    await let_leases_end(worker_db)
    async with post_office(worker_db) as office:
        with capture_logs() as logs:
            await office.rescuer(None)
        emails = [await office.email(email_id) for email_id in (doubtful, unharmed)]

    assert [(email.status, email.crashes) for email in emails] == [("IN_DOUBT", 0), ("PENDING", 1)]
    assert [log["event"] for log in logs] == ["email.in_doubt", "emails.rescued"]
