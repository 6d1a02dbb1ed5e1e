"""Waits, retries and dead letters on a real RabbitMQ."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog

from actors.broker import install
from tests.support.queueing import broker_on, channel_to, message_for, nothing, until, worker_on
from tests.support.rabbitmq import OwnRabbitMQ, Vhost

QUICK = (timedelta(milliseconds=200), timedelta(milliseconds=300), timedelta(milliseconds=400))


def test_a_delayed_message_waits_in_the_broker_and_comes_at_its_time(vhost: Vhost) -> None:
    """It is ready in its wait queue, held by no worker, and after the wait it runs once."""
    ran: list[float] = []

    async def sender(_email_id: str) -> None:
        ran.append(time.monotonic())

    with broker_on(vhost) as broker:
        install(broker, {"sender": sender})
        with worker_on(broker):
            published = time.monotonic()
            broker.enqueue(message_for("sender", "email-1"), delay=700)
            depths = broker.depths()
            until(lambda: len(ran) == 1)

        assert (depths["sender.wait.1s"], depths["sender"]) == (1, 0)
        assert 1.0 <= ran[0] - published < 4.0
        assert sum(broker.depths().values()) == 0


def test_a_wait_outlives_the_worker_that_began_it(vhost: Vhost) -> None:
    """The message fails under one worker and runs under the next."""
    runs: list[str] = []

    async def failing(email_id: str) -> None:
        runs.append(f"first {email_id}")
        raise ConnectionError

    async def working(email_id: str) -> None:
        runs.append(f"second {email_id}")

    with broker_on(vhost) as first:
        install(first, {"sender": failing})
        first.enqueue(message_for("sender", "email-1"))
        with worker_on(first):
            until(lambda: first.depths()["sender.wait.1s"] == 1)
    with broker_on(vhost) as second:
        install(second, {"sender": working})
        with worker_on(second):
            until(lambda: len(runs) == 2)

    assert runs == ["first email-1", "second email-1"]


def test_a_wait_outlives_the_death_of_the_broker(own_rabbitmq: Callable[[], OwnRabbitMQ]) -> None:
    """What was confirmed into a wait queue is on disk, and comes after the restart, its wait over or not."""
    ran = threading.Event()

    async def sender(_email_id: str) -> None:
        ran.set()

    rabbitmq = own_rabbitmq()
    with rabbitmq.vhost() as vhost:
        with broker_on(vhost) as broker:
            broker.enqueue(message_for("sender", "email-1"), delay=1_000)
            rabbitmq.kill()
        rabbitmq.restart()

        with broker_on(vhost) as broker:
            install(broker, {"sender": sender})
            with worker_on(broker):
                assert ran.wait(timeout=10)


def test_a_sender_is_retried_on_schedule_and_then_dead_lettered(vhost: Vhost) -> None:
    """The first attempt and one for each wait; then the message rests in `sender.dead`."""
    runs: list[float] = []

    async def sender(_email_id: str) -> None:
        runs.append(time.monotonic())
        raise ConnectionError

    with broker_on(vhost, QUICK) as broker, structlog.testing.capture_logs() as logs:
        install(broker, {"sender": sender})
        with worker_on(broker):
            broker.enqueue(message_for("sender", "email-1"))
            until(lambda: broker.depths()["sender.dead"] == 1)

    assert len(runs) == 4
    assert runs[1] - runs[0] >= 0.2
    assert runs[2] - runs[1] >= 0.3
    assert runs[3] - runs[2] >= 0.4
    assert [(log["event"], log.get("wait_queue")) for log in logs] == [
        ("message.retry_scheduled", "sender.wait.200ms"),
        ("message.retry_scheduled", "sender.wait.300ms"),
        ("message.retry_scheduled", "sender.wait.400ms"),
        ("message.dead_lettered", None),
    ]


def test_a_retry_that_the_broker_refuses_is_not_lost(vhost: Vhost) -> None:
    """Its wait queue is gone and cannot be made again, so the message goes to the dead letters instead."""
    failed = threading.Event()

    async def sender(_email_id: str) -> None:
        with channel_to(vhost) as channel:
            channel.queue_delete("sender.wait.1s")
            channel.queue_delete("sender.dead")
            # Declared with other arguments, so that the broker's declaration fails.
            channel.queue_declare("sender.dead", durable=True)
        failed.set()
        raise ConnectionError

    with broker_on(vhost) as broker:
        install(broker, {"sender": sender})
        with worker_on(broker):
            broker.enqueue(message_for("sender", "email-1"))
            assert failed.wait(timeout=10)
            until(lambda: broker.depths()["sender.dead"] == 1)

        assert broker.get_queue_message_counts("sender") == (0, 0, 1)


def test_a_failing_trigger_is_dead_lettered_at_once(vhost: Vhost) -> None:
    """The clock publishes the next one while there is work."""
    runs: list[int] = []

    async def rescue() -> None:
        runs.append(1)
        raise ConnectionError

    with broker_on(vhost) as broker:
        install(broker, {"rescue": rescue})
        with worker_on(broker):
            broker.enqueue(message_for("rescue", queue="dispatcher"))
            until(lambda: broker.depths()["dispatcher.dead"] == 1)

    assert runs == [1]


def test_a_message_for_an_actor_of_a_newer_release_is_kept(vhost: Vhost) -> None:
    """While releases roll, an old worker puts what it does not know aside and says so."""
    with broker_on(vhost) as broker, structlog.testing.capture_logs() as logs:
        install(broker, {"dispatcher": nothing})
        with worker_on(broker):
            message = broker.enqueue(message_for("rescue", queue="dispatcher"))
            until(lambda: broker.depths()["dispatcher.dead"] == 1)

    assert logs == [
        {
            "event": "message.dead_lettered",
            "message_id": message.message_id,
            "actor": "rescue",
            "queue": "dispatcher",
            "cause": "ActorNotFound",
            "log_level": "error",
        }
    ]


def test_a_delay_on_a_trigger_is_refused(vhost: Vhost) -> None:
    """Only the sender has waits; nothing is published."""
    with broker_on(vhost) as broker:
        with pytest.raises(
            ValueError, match="only messages of the sender can wait, not those of the planner"
        ):
            broker.enqueue(message_for("planner"), delay=1_000)

        assert sum(broker.depths().values()) == 0
