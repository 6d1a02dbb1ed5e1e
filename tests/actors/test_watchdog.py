"""The watchdog over event loops that are really blocked."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import uvloop
from structlog.testing import capture_logs

from actors.watchdog import BLOCKED_STATUS, Watchdog
from tests.support.queueing import until

# A worker's stack of middleware, on whose loop something sleeps that must not.
PROGRAM = """
import asyncio, time
from datetime import timedelta
from actors.in_process_broker import InProcessBroker, start_worker
from actors.middleware import middleware_stack
from app.logs import configure_logs
from dramatiq.asyncio import get_event_loop_thread
configure_logs("json")

async def nothing(): ...

async def forgets_to_await():
    time.sleep(60)

stack = middleware_stack(
    at_start=nothing, at_stop=nothing, retry_schedule=[timedelta(seconds=1)], blocked_after_s=(0.2, 0.6)
)
broker = InProcessBroker(retry_schedule=[timedelta(seconds=1)], now=None, middleware=stack)
start_worker(broker, threads=1)
get_event_loop_thread().run_coroutine(forgets_to_await())
"""


@contextmanager
def watched(
    loop: asyncio.AbstractEventLoop, given_up: list[bool], *, give_up_after_s: float
) -> Iterator[Sequence[Any]]:
    """What is logged while *loop* runs in a thread, with a watchdog that warns after 0.2 s."""
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    watchdog = Watchdog(
        loop,
        thread,
        warn_after_s=0.2,
        give_up_after_s=give_up_after_s,
        give_up=lambda: given_up.append(True),
    )
    try:
        with capture_logs() as logs:
            watchdog.start()
            yield logs
            watchdog.stop()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def blocks_the_loop(seconds: float) -> None:
    time.sleep(seconds)


async def works_in_pieces() -> None:
    for _ in range(20):
        blocks_the_loop(0.05)
        await asyncio.sleep(0)


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_blocked_loop_is_told_of_with_what_blocks_it(make_loop: Any) -> None:
    """Once, while it lasts, and once when it goes on; nothing is ended."""
    loop, given_up = make_loop(), list[bool]()
    with watched(loop, given_up, give_up_after_s=10) as logs:
        loop.call_soon_threadsafe(blocks_the_loop, 0.8)
        until(lambda: len(logs) == 2)

    blocked, goes_on = logs
    assert (blocked["event"], blocked["log_level"]) == ("loop.blocked", "error")
    assert "in blocks_the_loop" in blocked["stack"]
    assert 0.2 <= blocked["blocked_s"] < 0.8
    assert (goes_on["event"], given_up) == ("loop.goes_on", [])


def test_a_loop_that_stays_blocked_is_given_up() -> None:
    """Once, and then nobody watches any more."""
    loop, given_up = asyncio.new_event_loop(), list[bool]()
    with watched(loop, given_up, give_up_after_s=0.5) as logs:
        loop.call_soon_threadsafe(blocks_the_loop, 1.2)
        until(lambda: bool(given_up))
        time.sleep(0.8)

    assert [log["event"] for log in logs] == ["loop.blocked", "loop.given_up"]
    assert given_up == [True]


def test_a_busy_loop_that_shows_life_is_left_alone() -> None:
    """Short blocks, one after the other, are work."""
    loop, given_up = asyncio.new_event_loop(), list[bool]()
    with watched(loop, given_up, give_up_after_s=0.5) as logs:
        asyncio.run_coroutine_threadsafe(works_in_pieces(), loop).result(timeout=10)

    assert (logs, given_up) == ([], [])


def test_a_worker_whose_loop_stays_blocked_is_ended() -> None:
    """So that it is started again: its log says where it stood, and its exit status why."""
    began = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30)

    events = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    assert ended.returncode == BLOCKED_STATUS
    assert [event["event"] for event in events] == ["loop.blocked", "loop.given_up"]
    assert "in forgets_to_await" in events[1]["stack"]
    assert time.monotonic() - began < 20
