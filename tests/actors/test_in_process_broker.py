"""The queues of embedded mode: the same actors, but waits end by business time."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

import pytest
from dramatiq import Message
from dramatiq.errors import QueueNotFound

from actors.broker import install
from actors.in_process_broker import InProcessBroker, start_worker
from tests.support.queueing import DEFAULT_SCHEDULE, NINE, message_for, not_empty, stack, worker_on


def test_a_delayed_message_waits_for_the_business_clock() -> None:
    """However long the process runs, nothing is released before its instant, and then all of it."""
    broker = _broker()
    broker.enqueue(message_for("sender", "email-1"), delay=300_000)
    broker.enqueue(message_for("sender", "email-1"), delay=600_000)

    early = broker.release_due(NINE + timedelta(minutes=5) - timedelta(microseconds=1))
    waiting_before = dict(broker.waiting())
    released = broker.release_due(NINE + timedelta(minutes=5))

    assert early == 0
    assert waiting_before == {"sender.wait.5m": 1, "sender.wait.15m": 1, "sender.wait.30m": 0}
    assert released == 1
    assert broker.waiting() == {"sender.wait.5m": 0, "sender.wait.15m": 1, "sender.wait.30m": 0}
    assert broker.depths()["sender"] == 1


def test_released_messages_keep_the_order_of_their_instants() -> None:
    """A jump of the clock over several waits releases the soonest first."""
    broker = _broker()
    for name, delay in [("late", 1_800_000), ("soon", 300_000), ("between", 900_000)]:
        broker.enqueue(message_for("sender", name), delay=delay)

    released = broker.release_due(NINE + timedelta(days=1))

    queue = broker.queues["sender"]
    assert released == 3
    assert [Message.decode(queue.get_nowait()).args for _ in range(3)] == [("soon",), ("between",), ("late",)]


def test_a_delay_on_a_trigger_is_refused() -> None:
    """Only the sender has waits, as on RabbitMQ."""
    broker = _broker()

    with pytest.raises(ValueError, match="only messages of the sender can wait, not those of the planner"):
        broker.enqueue(message_for("planner"), delay=300_000)

    assert sum(broker.depths().values()) == 0


def test_depths_lists_the_queues_of_rabbitmq() -> None:
    """The names are the same in both modes, those that nobody used included."""
    broker = _broker()
    broker.enqueue(message_for("sender", "email-1"))
    broker.enqueue(message_for("sender", "email-1"))
    broker.enqueue(message_for("sender", "email-1"), delay=900_000)

    depths = broker.depths()

    assert {queue: count for queue, count in depths.items() if count} == {"sender": 2, "sender.wait.15m": 1}
    assert len(depths) == 11


def test_a_sender_that_fails_is_retried_by_business_time_and_then_given_up() -> None:
    """5, 15 and 30 minutes on the business clock, in no time on the real one."""
    clock = [NINE]
    runs: list[datetime] = []

    async def sender(_email_id: str) -> None:
        runs.append(clock[0])
        raise ConnectionError

    broker = _broker(now=lambda: clock[0])
    install(broker, {"sender": sender})
    with worker_on(broker):
        broker.enqueue(message_for("sender", "email-1"))
        broker.join("sender", timeout=5_000)
        for minutes in (5, 20, 50, 80):
            clock[0] = NINE + timedelta(minutes=minutes)
            broker.release_due(clock[0])
            broker.join("sender", timeout=5_000, fail_fast=False)

    assert runs == [NINE + timedelta(minutes=minutes) for minutes in (0, 5, 20, 50)]
    assert not_empty(broker.depths()) == {"sender.dead": 1}


def test_join_raises_what_the_actor_raised() -> None:
    """A test that waits for a queue sees the error of its actor."""

    async def planner() -> None:
        raise LookupError("no such workspace")

    broker = _broker()
    install(broker, {"planner": planner})
    with worker_on(broker):
        broker.enqueue(message_for("planner"))

        with pytest.raises(LookupError, match="no such workspace"):
            broker.join("planner", timeout=5_000)


def test_join_refuses_a_queue_that_was_never_declared() -> None:
    """There is nothing to wait for."""
    with pytest.raises(QueueNotFound):
        _broker().join("recalculator", timeout=100)


def test_only_the_newest_dead_letters_stay_in_memory() -> None:
    """A night of failing triggers must not fill the memory of a process."""
    failures = []

    async def planner() -> None:
        failures.append(1)
        raise ConnectionError

    broker = _broker()
    install(broker, {"planner": planner})
    with worker_on(broker):
        for _ in range(103):
            broker.enqueue(message_for("planner"))
        broker.join("planner", timeout=10_000, fail_fast=False)

    assert len(failures) == 103
    assert broker.depths()["planner.dead"] == 100


def test_declare_all_lets_a_worker_take_every_queue() -> None:
    """Also those without an actor of this process."""
    broker = _broker()

    broker.declare_all()

    assert broker.get_declared_queues() == {"planner", "dispatcher", "sender", "recalculator"}
    assert broker.get_declared_delay_queues() == set()


def test_a_stopping_worker_ends_what_it_has_in_hand() -> None:
    """A message that runs when the worker is stopped runs to its end, and the next is not begun."""
    running = Event()
    ended: list[str] = []

    async def sender(email_id: str) -> None:
        running.set()
        await asyncio.sleep(0.2)
        ended.append(email_id)

    broker = _broker()
    install(broker, {"sender": sender})
    with worker_on(broker):
        broker.enqueue(message_for("sender", "e-1"))
        broker.enqueue(message_for("sender", "e-2"))
        assert running.wait(timeout=5)

    assert ended == ["e-1"]


def test_a_broker_has_one_worker_in_its_life() -> None:
    """A second worker would share its messages with the first, stopped one."""
    broker = _broker()
    with worker_on(broker):
        pass

    with pytest.raises(RuntimeError, match="make a new broker for a new worker"):
        start_worker(broker, threads=1)


def _broker(now: Callable[[], datetime] = lambda: NINE) -> InProcessBroker:
    return InProcessBroker(retry_schedule=DEFAULT_SCHEDULE, now=now, middleware=stack(DEFAULT_SCHEDULE))
