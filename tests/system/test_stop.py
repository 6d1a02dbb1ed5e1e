"""A worker that is told to stop, as a deploy does: real processes, and a server that thinks about the dot."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.capture_server import CaptureServer
from app.demo.campaign import GraphqlClient, scheduled_emails
from tests.support.one_letter import write_to
from tests.support.rabbitmq import Vhost
from tests.support.system import System, drumbeat, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

STOP_WITHIN_S = 18.0
# Of a fast machine's: the supervisor and the interpreters end in between.
LATITUDE_S = 2.0


@dataclass
class Dots:
    """Letters whose final dot has come, and whether their replies may leave."""

    arrived: int = 0
    answered: threading.Event = field(default_factory=threading.Event)

    async def answer(self) -> datetime:
        self.arrived += 1
        await asyncio.to_thread(self.answered.wait, 120)
        return datetime.now(UTC)


@contextmanager
def thinking_server() -> Iterator[tuple[CaptureServer, Dots]]:
    dots = Dots()
    with CaptureServer(clock=dots.answer) as server:
        try:
            yield server, dots
        finally:
            dots.answered.set()


async def test_a_worker_that_stops_waits_for_the_reply_to_a_dot(
    installation_url: str, api_key: str, vhost: Vhost, tmp_path: Path
) -> None:
    """Answered two seconds after the signal: SENT, and an orderly end."""
    with (
        thinking_server() as (server, dots),
        drumbeat(
            tmp_path, database_url=installation_url, amqp_url=vhost.amqp_url, settings=settings()
        ) as system,
    ):
        api = GraphqlClient(system.graphql, api_key)
        await write_to(api, ["contact0@example.com"], smtp_port=server.port)
        await asyncio.to_thread(wait_for, lambda: dots.arrived == 1, "the dot")
        answering = threading.Timer(2.0, dots.answered.set)
        answering.start()
        status, took_s = await stopped(system)
        (email,) = await scheduled_emails(api)

    assert (status, email["status"], len(server.received)) == (0, "SENT", 1)
    assert took_s < STOP_WITHIN_S


async def test_a_worker_that_stops_lists_what_it_cannot_know(
    installation_url: str, api_key: str, vhost: Vhost, tmp_path: Path
) -> None:
    """
    No reply comes in time: IN_DOUBT, and an orderly end in time all the same.

    What had no place in the worker was left to others: the next one sends it, and the doubt stays.
    """
    one_at_a_time = {"DRUMBEAT_SMTP_CONNECTIONS": "1"}
    with (
        thinking_server() as (server, dots),
        drumbeat(
            tmp_path,
            database_url=installation_url,
            amqp_url=vhost.amqp_url,
            settings=settings() | one_at_a_time,
        ) as system,
    ):
        api = GraphqlClient(system.graphql, api_key)
        await write_to(api, ["contact0@example.com", "contact1@example.com"], smtp_port=server.port)
        await asyncio.to_thread(wait_for, lambda: dots.arrived == 1, "the first dot")
        status, took_s = await stopped(system)
        at_the_end = sorted(str(email["status"]) for email in await scheduled_emails(api))
        dots.answered.set()
        system.start("worker")
        await asyncio.to_thread(wait_for, lambda: dots.arrived == 2, "the other email", timeout_s=60)
        in_the_end = await settled(api)

    assert status == 0
    assert took_s < STOP_WITHIN_S + LATITUDE_S
    assert at_the_end[0] == "IN_DOUBT"
    assert at_the_end[1] in ("PENDING", "QUEUED")
    assert in_the_end == ["IN_DOUBT", "SENT"]


def settings() -> dict[str, str]:
    return {"DRUMBEAT_STOP_WITHIN_S": str(STOP_WITHIN_S), "DRUMBEAT_LEASE_S": "60"}


async def stopped(system: System) -> tuple[int, float]:
    """The exit status of a worker that was told to stop, and how many seconds it took."""
    began = time.monotonic()
    status = await asyncio.to_thread(system.stop, "worker")
    return status, time.monotonic() - began


async def settled(api: GraphqlClient) -> list[str]:
    states: list[str] = []
    for _ in range(100):
        states = sorted(str(email["status"]) for email in await scheduled_emails(api))
        if set(states) <= {"SENT", "IN_DOUBT"}:
            break
        await asyncio.sleep(0.1)
    return states
