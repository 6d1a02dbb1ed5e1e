"""Retries that cannot be lost, and the event loop that the actors share."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
import structlog
import uvloop
from dramatiq import Message
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.broker import MessageProxy
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Retries
from dramatiq.middleware.time_limit import TimeLimitExceeded
from typing_extensions import override

from actors.broker import install
from actors.in_process_broker import InProcessBroker, start_worker
from actors.middleware import OnLoop, ScheduledRetries, ToolsNotReady, UvloopThread
from tests.support.queueing import DEFAULT_SCHEDULE, NINE, message_for, nothing, stack, worker_on


class _DeafStubBroker(StubBroker):
    """dramatiq's own broker, whose delayed publishing meets a closed connection."""

    @override
    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        if delay is not None:
            raise ConnectionClosed("closed")  # type: ignore[no-untyped-call]  # dramatiq
        return super().enqueue(message)


class _DeafBroker(InProcessBroker):
    """Ours, whose delayed publishing meets a closed connection."""

    @override
    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        if delay is not None:
            raise ConnectionClosed("closed")  # type: ignore[no-untyped-call]  # dramatiq
        return super().enqueue(message)


class _InterruptedBroker(InProcessBroker):
    """Ours, interrupted by the time limit while it publishes."""

    @override
    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        raise TimeLimitExceeded


def test_stock_dramatiq_loses_a_retry_that_it_cannot_publish() -> None:
    """The reason for ScheduledRetries: with dramatiq's Retries the message is in no queue afterwards."""
    broker = _DeafStubBroker(middleware=[UvloopThread(), Retries(max_retries=3)])
    install(broker, {"sender": _failing})
    with worker_on(broker):
        broker.enqueue(message_for("sender", "email-1"))
        broker.join("sender", timeout=5_000)

    assert broker.queues["sender"].qsize() == 0
    assert broker.queues["sender.DQ"].qsize() == 0
    assert broker.dead_letters == []


def test_a_retry_that_cannot_be_published_is_dead_lettered() -> None:
    """The same failure with ours leaves the message where an operator finds it."""
    broker = _DeafBroker(
        retry_schedule=DEFAULT_SCHEDULE,
        now=lambda: NINE,
        middleware=[UvloopThread(), ScheduledRetries(DEFAULT_SCHEDULE)],
    )
    install(broker, {"sender": _failing})
    with structlog.testing.capture_logs() as logs, worker_on(broker):
        message = broker.enqueue(message_for("sender", "email-1"))
        broker.join("sender", timeout=5_000, fail_fast=False)

    ids = {"message_id": message.message_id, "actor": "sender", "queue": "sender", "log_level": "error"}
    assert broker.depths()["sender.dead"] == 1
    assert logs == [
        {"event": "message.retry_not_published", "retry": 1, "cause": "closed", **ids},
        {"event": "message.dead_lettered", "cause": "ConnectionError", **ids},
    ]


def test_a_retry_that_the_time_limit_interrupts_is_not_acknowledged() -> None:
    """The limit is no ordinary exception and may strike while the copy is being published."""
    broker = _InterruptedBroker(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE)
    delivery = MessageProxy(message_for("sender", "email-1"))

    with pytest.raises(TimeLimitExceeded):
        ScheduledRetries(DEFAULT_SCHEDULE).after_process_message(
            broker, delivery, exception=ConnectionError()
        )

    assert delivery.failed


@pytest.mark.parametrize(
    ("retries", "queue"), [(0, "sender.wait.5m"), (1, "sender.wait.15m"), (2, "sender.wait.30m")]
)
def test_each_retry_waits_longer(retries: int, queue: str) -> None:
    """5, then 15, then 30 minutes; the copy counts itself and keeps id and arguments."""
    broker = InProcessBroker(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE)
    message = message_for("sender", "email-1", options={"retries": retries})
    delivery = MessageProxy(message)

    with structlog.testing.capture_logs() as logs:
        ScheduledRetries(DEFAULT_SCHEDULE).after_process_message(
            broker, delivery, exception=ConnectionError()
        )

    assert {name: count for name, count in broker.waiting().items() if count} == {queue: 1}
    assert not delivery.failed
    assert logs == [
        {
            "event": "message.retry_scheduled",
            "message_id": message.message_id,
            "actor": "sender",
            "queue": "sender",
            "retry": retries + 1,
            "wait_queue": queue,
            "log_level": "info",
        }
    ]
    broker.release_due(NINE + timedelta(minutes=30))
    assert Message.decode(broker.queues["sender"].get_nowait()) == message.copy(
        options={"retries": retries + 1}
    )


def test_after_the_last_retry_a_message_is_given_up() -> None:
    """Three retries are all."""
    broker = InProcessBroker(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE)
    delivery = MessageProxy(message_for("sender", "email-1", options={"retries": 3}))

    ScheduledRetries(DEFAULT_SCHEDULE).after_process_message(broker, delivery, exception=ConnectionError())

    assert delivery.failed
    assert sum(broker.depths().values()) == 0


@pytest.mark.parametrize("queue", ["planner", "dispatcher", "recalculator"])
def test_a_trigger_is_given_up_at_once(queue: str) -> None:
    """The clock publishes the next one while there is work."""
    broker = InProcessBroker(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE)
    delivery = MessageProxy(message_for(queue, "email-1"))

    ScheduledRetries(DEFAULT_SCHEDULE).after_process_message(broker, delivery, exception=ConnectionError())

    assert delivery.failed
    assert sum(broker.depths().values()) == 0


def test_a_message_that_succeeds_is_left_alone() -> None:
    """No exception, no retry."""
    broker = InProcessBroker(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE)
    delivery = MessageProxy(message_for("sender", "email-1"))

    ScheduledRetries(DEFAULT_SCHEDULE).after_process_message(broker, delivery)

    assert not delivery.failed
    assert sum(broker.depths().values()) == 0


def test_the_time_limit_cancels_a_coroutine_and_counts_as_a_failure() -> None:
    """An actor that hangs is cut off after its time and retried like one that raised."""

    async def sender(_email_id: str) -> None:
        await asyncio.sleep(60)

    broker = InProcessBroker(
        retry_schedule=DEFAULT_SCHEDULE,
        now=lambda: NINE,
        middleware=stack(DEFAULT_SCHEDULE, time_limit=timedelta(milliseconds=100)),
    )
    install(broker, {"sender": sender})
    with worker_on(broker):
        broker.enqueue(message_for("sender", "email-1"))
        broker.join("sender", timeout=10_000)

    assert broker.waiting()["sender.wait.5m"] == 1


def test_actors_and_their_tools_share_one_uvloop() -> None:
    """Opened before the first message, closed after the last, all on the same loop and thread."""
    story: list[tuple[str, type[asyncio.AbstractEventLoop], int]] = []

    def note(what: str) -> None:
        story.append((what, type(asyncio.get_running_loop()), threading.get_ident()))

    async def opened() -> None:
        note("opened")

    async def closed() -> None:
        note("closed")

    async def sender(_email_id: str) -> None:
        note("sender")

    broker = InProcessBroker(
        retry_schedule=DEFAULT_SCHEDULE,
        now=lambda: NINE,
        middleware=stack(DEFAULT_SCHEDULE, at_start=opened, at_stop=closed),
    )
    install(broker, {"sender": sender})
    with worker_on(broker):
        broker.enqueue(message_for("sender", "email-1"))
        broker.join("sender", timeout=5_000)

    thread = story[0][2]
    assert thread != threading.get_ident()
    assert story == [(what, uvloop.Loop, thread) for what in ("opened", "sender", "closed")]
    assert get_event_loop_thread() is None


def test_a_worker_without_its_tools_does_not_start() -> None:
    """The error of the first thing that cannot be opened comes out, and no loop stays behind."""

    async def opened() -> None:
        raise ConnectionRefusedError("no database")

    broker = InProcessBroker(
        retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE, middleware=stack(DEFAULT_SCHEDULE, at_start=opened)
    )

    with pytest.raises(ToolsNotReady, match="the worker cannot start: no database") as refusal:
        start_worker(broker, threads=1)

    assert isinstance(refusal.value.__cause__, ConnectionRefusedError)
    assert get_event_loop_thread() is None


def test_tools_without_a_loop_are_a_mistake_in_the_stack() -> None:
    """OnLoop says which middleware is missing before it."""
    broker = InProcessBroker(
        retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE, middleware=[OnLoop(nothing, nothing)]
    )

    with pytest.raises(ToolsNotReady, match="it comes after UvloopThread in the stack"):
        start_worker(broker, threads=1)


async def _failing(_email_id: str) -> None:
    raise ConnectionError("smtp away")
