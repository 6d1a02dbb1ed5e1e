"""The lookout: what a leader counts beside its ticks, and the alerts that it raises and closes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from dramatiq import Message
from sqlalchemy import select
from structlog.testing import capture_logs

from actors.lookout import Lookout
from actors.outage import OutageCause, QueueUnavailable
from actors.publisher import Publisher
from domain.alerts import AlertBounds
from persistence.database import Database, libpq_url
from persistence.figures import EMAILS, QUEUES, read_figure
from persistence.leadership import Leader, LeadershipLost, lead
from persistence.tables import alerts, figures, mailboxes
from tests.persistence.delivery import Delivery, make_delivery
from tests.support.standing_clock import StandingClock


class Depths:
    """A broker of which only the depths are asked."""

    def __init__(self) -> None:
        self.is_away = False
        self.ready = {"sender": 3}

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        raise NotImplementedError

    def depths(self) -> Mapping[str, int]:
        if self.is_away:
            raise QueueUnavailable(address="127.0.0.1:1/", cause=OutageCause.REFUSED, detail="nobody")
        return self.ready

    def keep_alive(self) -> None: ...

    def disconnect(self) -> None: ...


@asynccontextmanager
async def looking(database: Database, url: str, broker: Depths) -> AsyncIterator[tuple[Lookout, Leader]]:
    publisher = Publisher(broker)
    bounds = AlertBounds(late_emails=1)
    lookout = Lookout(database=database, publisher=publisher, clock=StandingClock(), bounds=bounds)
    try:
        async with lead(url) as leader:
            assert leader is not None
            yield lookout, leader
    finally:
        await publisher.close()


async def _figure(database: Database, name: str) -> object:
    async with database.transaction() as conn:
        found = await read_figure(conn, name)
    return None if found is None else found.value


async def test_a_look_counts_and_raises_and_closes(worker_db: Database, database_url: str) -> None:
    """An alert is logged when it is raised and when it is over, with ids and no names."""
    delivery: Delivery = await make_delivery(worker_db)
    await delivery.due(2)
    await delivery.change(mailboxes, delivery.mailbox_id, status="NEEDS_AUTH")

    async with looking(worker_db, database_url, Depths()) as (lookout, leader):
        with capture_logs() as logs:
            await lookout.look(leader)
            await lookout.look(leader)
        await delivery.change(mailboxes, delivery.mailbox_id, status="ACTIVE")
        with capture_logs() as logs_after:
            await lookout.look(leader)

    about = {
        "workspace_id": str(delivery.workspace_id),
        "kind": "NEEDS_AUTH",
        "mailbox_id": str(delivery.mailbox_id),
    }
    async with worker_db.transaction() as conn:
        about["alert_id"] = str(await conn.scalar(select(alerts.c.id)))
    assert logs == [
        {"event": "alert.raised", "log_level": "warning", "severity": "CRITICAL", **about},
    ]
    assert logs_after == [{"event": "alert.closed", "log_level": "info", **about}]
    assert await _figure(worker_db, QUEUES) == {"sender": 3}
    emails: Any = await _figure(worker_db, EMAILS)
    assert emails["states"]["PENDING"] == 2


async def test_a_broker_that_is_away_leaves_its_last_depths(worker_db: Database, database_url: str) -> None:
    """And everything else is counted all the same."""
    broker = Depths()
    async with looking(worker_db, database_url, broker) as (lookout, leader):
        await lookout.look(leader)
        broker.is_away = True
        delivery = await make_delivery(worker_db)
        await delivery.due(1)
        await lookout.look(leader)

    emails: Any = await _figure(worker_db, EMAILS)
    assert (await _figure(worker_db, QUEUES), emails["due"]) == ({"sender": 3}, 1)


async def test_who_leads_no_more_writes_nothing(worker_db: Database, database_url: str) -> None:
    """A look is fenced as a tick is; the task that keeps looking ends by itself."""
    async with looking(worker_db, database_url, Depths()) as (lookout, leader):
        with psycopg.connect(libpq_url(database_url), autocommit=True) as conn:
            conn.execute("UPDATE clock_leaders SET epoch = epoch + 1")
        with pytest.raises(LeadershipLost):
            await lookout.look(leader)
        await lookout.keep_looking(leader)

    async with worker_db.transaction() as conn:
        assert (await conn.execute(select(figures))).all() == []
