"""After a reconnect no delivery is answered on a channel that is not its own."""

import asyncio
import threading
from contextlib import closing
from typing import Any

import pytest
import structlog
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.worker import Worker

from actors.broker import install, rabbitmq_broker
from actors.outage import OutageCause, QueueUnavailable
from tests.support.queueing import NOBODY_LISTENS, ONE_SECOND, broker_on, message_for, until
from tests.support.rabbitmq import Vhost


@pytest.mark.parametrize(
    ("stock", "left"), [pytest.param(True, 0, id="stock dramatiq"), pytest.param(False, 1, id="ours")]
)
def test_an_answer_that_comes_after_a_reconnect_takes_no_other_message(
    vhost: Vhost, stock: bool, left: int
) -> None:
    """Stock dramatiq acknowledges the unseen second message by the first one's tag; ours leaves it alone."""
    broker = (
        RabbitmqBroker(url=vhost.amqp_url, middleware=[])
        if stock
        else rabbitmq_broker(vhost.amqp_url, retry_schedule=ONE_SECOND)
    )
    with closing(broker):
        broker.enqueue(message_for("sender", "first"))
        broker.enqueue(message_for("sender", "second"))
        before: Any = broker.consume("sender", prefetch=1)
        first = _take(before)
        before.connection.close()
        elsewhere = broker.consume("sender", prefetch=1)
        assert _take(elsewhere).args == ("first",)
        after = broker.consume("sender", prefetch=1)
        assert _take(after).args == ("second",)

        after.ack(first)
        after.close()  # what was sent leaves, and the worker is gone before it reaches the second message

        until(lambda: broker.get_queue_message_counts("sender")[0] == left, within=2)
        elsewhere.close()


def test_a_worker_cut_off_in_mid_run_loses_nothing(vhost: Vhost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both messages in hand are delivered again, every message runs, and the queue ends empty."""
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.1)
    runs: list[str] = []
    resumed = threading.Event()

    async def sender(email_id: str) -> None:
        runs.append(email_id)
        await asyncio.to_thread(resumed.wait, 10)

    with broker_on(vhost) as broker, structlog.testing.capture_logs() as logs:
        install(broker, {"sender": sender})
        for number in range(6):
            broker.enqueue(message_for("sender", f"email-{number}"))
        worker = Worker(broker, worker_threads=2, worker_timeout=100)
        worker.start()
        until(lambda: len(runs) == 2)
        _cut_off(worker)
        resumed.set()
        until(lambda: set(runs) == {f"email-{number}" for number in range(6)})
        until(lambda: worker.work_queue.unfinished_tasks == 0)
        worker.stop()

        assert broker.get_queue_message_counts("sender") == (0, 0, 0)
        assert {log["message_id"] for log in logs if log["event"] == "message.left_to_redelivery"} != set()


def test_an_answer_on_a_channel_that_just_broke_is_left_to_redelivery(vhost: Vhost) -> None:
    """Neither kind of answer blocks the worker or counts as given; the broker has the messages again."""
    with broker_on(vhost) as broker:
        done, failed = (
            broker.enqueue(message_for("sender", "done")),
            broker.enqueue(message_for("sender", "failed")),
        )
        consumer: Any = broker.consume("sender", prefetch=2)  # pika's connections have no types
        first, second = _take(consumer), _take(consumer)
        consumer.connection.close()
        second.fail()

        with structlog.testing.capture_logs() as logs:
            consumer.ack(first)
            consumer.nack(second)

        assert logs == [
            {
                "event": "message.left_to_redelivery",
                "message_id": message.message_id,
                "actor": "sender",
                "log_level": "warning",
            }
            for message in (done, failed)
        ]
        assert not second.failed
        until(lambda: broker.get_queue_message_counts("sender") == (2, 0, 0))


def test_a_message_prints_its_id_and_not_its_arguments(vhost: Vhost) -> None:
    """dramatiq logs the text of a message whenever an actor fails."""
    with broker_on(vhost) as broker:
        message = broker.enqueue(message_for("sender", "email-1"))
        consumer = broker.consume("sender")

        taken = _take(consumer)

        assert str(taken) == f"sender[{message.message_id}]"
        consumer.close()


def test_a_queue_deleted_under_its_consumer_is_made_again(vhost: Vhost) -> None:
    """The consumer ends and leaves no connection behind, and the next one finds a queue."""
    with broker_on(vhost) as broker:
        consumer: Any = broker.consume("sender", timeout=100)  # pika's connections have no types
        broker.channel.queue_delete("sender")
        with pytest.raises(QueueUnavailable) as refusal:
            _take(consumer)
        with pytest.raises(ConnectionClosed, match="Channel is closed"):
            consumer.close()
        broker.enqueue(message_for("sender", "email-1"))

        again = broker.consume("sender")

        assert refusal.value.cause is OutageCause.LOST
        assert consumer.connection.is_closed
        assert _take(again).args == ("email-1",)
        again.close()


def test_a_consumer_of_a_broker_that_is_down_says_so() -> None:
    """dramatiq answers this kind of error by trying again."""
    broker = rabbitmq_broker(NOBODY_LISTENS, retry_schedule=ONE_SECOND)

    with pytest.raises(QueueUnavailable) as refusal:
        broker.consumer_class(broker, "sender", 1, 100)

    assert refusal.value.cause is OutageCause.REFUSED


# The consumers of dramatiq have no types.
def _take(consumer: Any) -> Any:
    """Take the next message, or raise what the consumer raises; idle wake-ups are passed over."""
    return next(message for message in consumer if message is not None)


def _cut_off(worker: Worker) -> None:
    """Close the connection under the sender's consumer and wait until it has another."""
    consumer: Any = worker.consumers["sender"].consumer
    consumer.connection.add_callback_threadsafe(consumer.connection.close)
    until(lambda: worker.consumers["sender"].consumer is not consumer)
