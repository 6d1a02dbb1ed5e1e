"""A retry while it waits: seen by operators, held by no process, back at its time."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app.capture_server import CaptureServer
from app.demo.campaign import GraphqlClient, scheduled_emails
from tests.support.one_letter import write_to
from tests.support.rabbitmq import OwnRabbitMQ, Vhost
from tests.support.system import drumbeat, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

WAIT = timedelta(seconds=20)
QUEUE = "sender.wait.20s"
RECIPIENT = "greylisted@example.com"


async def test_a_retry_outlives_worker_and_broker_in_its_wait_queue(
    installation_url: str, api_key: str, own_rabbitmq: Callable[[], OwnRabbitMQ], tmp_path: Path
) -> None:
    """It is ready in its wait queue; worker and broker are killed; it leaves at its time, once."""
    rabbitmq = await asyncio.to_thread(own_rabbitmq)
    script = {RECIPIENT: ["451 4.7.1 Greylisted, please try again"]}
    settings = {"DRUMBEAT_RETRY_SCHEDULE": "20s,30s,40s"}

    with (
        rabbitmq.vhost() as vhost,
        CaptureServer(script=script) as server,
        drumbeat(
            tmp_path, database_url=installation_url, amqp_url=vhost.amqp_url, settings=settings
        ) as system,
    ):
        api = GraphqlClient(system.graphql, api_key)
        await write_to(api, [RECIPIENT], smtp_port=server.port)
        await asyncio.to_thread(wait_for, lambda: _ready(vhost) == 1, f"a message in {QUEUE}")
        system.kill("worker")
        await asyncio.to_thread(rabbitmq.kill)
        await asyncio.to_thread(rabbitmq.restart)
        system.start("worker")
        await asyncio.to_thread(wait_for, lambda: bool(server.received), "the second attempt", timeout_s=60)
        await asyncio.to_thread(wait_for, lambda: _ready(vhost) == 0, f"{QUEUE} to be empty")
        (email,) = await _settled(api)

    (refusal,) = server.refused
    (received,) = server.received
    assert received.at - refusal.at >= WAIT
    # Earlier than the sweep of lost messages would have found it.
    assert received.at - refusal.at < 2 * WAIT
    assert (email["status"], email["retryCount"]) == ("SENT", 1)


def _ready(vhost: Vhost) -> int:
    """Messages ready in the wait queue, as the management API shows them; -1 while it shows nothing."""
    queues = vhost.management(f"queues/{vhost.name}")
    return next((queue.get("messages_ready", -1) for queue in queues if queue["name"] == QUEUE), -1)


async def _settled(api: GraphqlClient) -> list[dict[str, object]]:
    emails: list[dict[str, object]] = []
    for _ in range(100):
        emails = await scheduled_emails(api)
        if all(email["status"] == "SENT" for email in emails):
            return emails
        await asyncio.sleep(0.1)
    raise AssertionError(f"not settled: {emails}")
