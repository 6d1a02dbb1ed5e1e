"""The Welcome Campaign on a real PostgreSQL, a real RabbitMQ and separate processes."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.business_clock import SteppingClock
from app.capture_server import CaptureServer
from app.demo.campaign import GraphqlClient, scheduled_emails, set_up
from app.demo.outcome import CONTACTS, faults
from app.demo.scenario import UNKNOWN, Scenario
from app.stepping import Stepper
from app.verification import Verified, verify
from persistence.database import Database
from tests.support.rabbitmq import OwnRabbitMQ, Vhost
from tests.support.system import System, drumbeat

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

MONDAY = Scenario(date(2026, 3, 2))
# RabbitMQ waits in real time, so the waits of this schedule are short in both.
SCHEDULE = (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=3))
STEPPING = {"DRUMBEAT_BUSINESS_CLOCK": "stepping", "DRUMBEAT_RETRY_SCHEDULE": "1s,2s,3s"}


async def test_every_email_leaves_in_its_slot_exactly_once(
    installation_url: str, database: Database, api_key: str, vhost: Vhost, tmp_path: Path
) -> None:
    """What the server received is what was promised: 30 a day and mailbox, every 16 minutes."""
    clock = SteppingClock(database)
    await clock.step_to(MONDAY.begins_at)

    with (
        CaptureServer(
            clock=lambda: clock.last_read, script=MONDAY.script, log=tmp_path / "received.jsonl"
        ) as server,
        drumbeat(
            tmp_path, database_url=installation_url, amqp_url=vhost.amqp_url, settings=STEPPING
        ) as system,
    ):
        api = GraphqlClient(system.graphql, api_key)
        await set_up(api, smtp_port=server.port)
        await let_days_pass(Stepper(database, clock))
        emails = await scheduled_emails(api)
        exits = [system.stop(command) for command in ("worker", "clock", "api")]

    found = faults(MONDAY, received=server.received, refused=server.refused, emails=emails, schedule=SCHEDULE)
    assert found == []
    assert exits == [0, 0, 0]
    assert await broken(database, clock, tmp_path / "received.jsonl") == []


async def test_killing_worker_clock_and_broker_sends_nothing_twice(
    installation_url: str,
    database: Database,
    api_key: str,
    own_rabbitmq: Callable[[], OwnRabbitMQ],
    tmp_path: Path,
) -> None:
    """Killed once each in mid-run: every email is at the server exactly once, or listed in doubt."""
    clock = SteppingClock(database)
    await clock.step_to(MONDAY.begins_at)
    settings = STEPPING | {"DRUMBEAT_LEASE_S": "5"}
    rabbitmq = await asyncio.to_thread(own_rabbitmq)

    with (
        CaptureServer(
            clock=lambda: clock.last_read, script=MONDAY.script, log=tmp_path / "received.jsonl"
        ) as server,
        drumbeat(
            tmp_path, database_url=installation_url, amqp_url=rabbitmq.amqp_url, settings=settings
        ) as system,
    ):
        api = GraphqlClient(system.graphql, api_key)
        await set_up(api, smtp_port=server.port)
        stepper = Stepper(database, clock)
        crashes = asyncio.create_task(_crash_everything_once(system, rabbitmq, server))
        await let_days_pass(stepper)
        await crashes
        emails = await scheduled_emails(api)

    arrived = Counter(each.message_id for each in server.received)
    states = Counter(email["status"] for email in emails)
    assert [message_id for message_id, n in arrived.items() if n > 1] == []
    assert states["SENT"] <= len(arrived) <= states["SENT"] + states["IN_DOUBT"]
    assert states["SENT"] + states["IN_DOUBT"] == 3 * (CONTACTS - 1)
    assert states["FAILED"] == 1
    assert states["CANCELLED"] == 2
    assert UNKNOWN not in {each.recipient for each in server.received}
    assert await broken(database, clock, tmp_path / "received.jsonl") == []


async def broken(database: Database, clock: SteppingClock, log: Path) -> list[Verified]:
    """The promises that the campaign broke."""
    found = [each async for each in verify(database, now=await clock.now(), against=log)]
    return [each for each in found if each.breach.count]


async def let_days_pass(stepper: Stepper) -> None:
    for _ in range(1_000):
        if await stepper.step() is None:
            return
    raise AssertionError("the campaign never came to its end")


async def _crash_everything_once(system: System, rabbitmq: OwnRabbitMQ, server: CaptureServer) -> None:
    """Kill one part after another, each in the middle of sending, and start it again."""
    await _received(server, 30)
    system.kill("worker")
    system.start("worker")
    await _received(server, 90)
    system.kill("clock")
    system.start("clock")
    await _received(server, 150)
    await asyncio.to_thread(rabbitmq.kill)
    await asyncio.to_thread(rabbitmq.restart)
    await _received(server, 200)
    system.kill_youngest("worker")  # nobody starts it again: that is for `drumbeat worker` to do


async def _received(server: CaptureServer, number: int) -> None:
    while len(server.received) < number:
        await asyncio.sleep(0.02)
