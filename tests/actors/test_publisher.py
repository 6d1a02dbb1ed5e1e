"""Publishing by name from a thread of its own, to a real RabbitMQ and inside one process."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from typing import Any

import pika
import pytest
from dramatiq import Message
from typing_extensions import override

from actors.broker import rabbitmq_broker
from actors.in_process_broker import InProcessBroker
from actors.outage import OutageCause, QueueUnavailable
from actors.publisher import MessageStore, Publisher
from tests.support.queueing import DEFAULT_SCHEDULE, NINE
from tests.support.rabbitmq import Vhost


async def test_a_message_reaches_an_actor_that_this_process_does_not_have(vhost: Vhost) -> None:
    """It is persistent, and names the actor, its arguments and nothing else."""
    broker = rabbitmq_broker(vhost.amqp_url, retry_schedule=DEFAULT_SCHEDULE)
    async with _publisher(broker) as publisher:
        message_id = await publisher.publish("sender", ["e-1", "e-2"], 7)

    properties, message = await asyncio.to_thread(_get, vhost, "sender")
    assert properties.delivery_mode == 2
    assert properties.message_id == message_id
    assert message == Message(
        queue_name="sender",
        actor_name="sender",
        args=(["e-1", "e-2"], 7),
        kwargs={},
        options={},
        message_id=message_id,
        message_timestamp=message.message_timestamp,
    )


async def test_depths_count_what_was_published(vhost: Vhost) -> None:
    """Exactly and at once; a rescue goes to the dispatcher's queue, a delay to the wait that covers it."""
    async with _publisher(rabbitmq_broker(vhost.amqp_url, retry_schedule=DEFAULT_SCHEDULE)) as publisher:
        await publisher.publish("rescue")
        await publisher.publish("sender", ["e-1"], delay=timedelta(minutes=6))
        await publisher.publish("sender", ["e-2"], delay=timedelta(minutes=6))

        depths = await publisher.depths()

    assert {queue: count for queue, count in depths.items() if count} == {
        "dispatcher": 1,
        "sender.wait.15m": 2,
    }
    assert len(depths) == 11


async def test_many_tasks_publish_through_one_connection(vhost: Vhost) -> None:
    """pika's connections belong to one thread, so there is one of each, and closing gives it back."""
    broker = rabbitmq_broker(vhost.amqp_url, retry_schedule=DEFAULT_SCHEDULE)
    async with _publisher(broker) as publisher:
        ids = await asyncio.gather(*(publisher.publish("sender", [str(n)]) for n in range(50)))
        depths = await publisher.depths()
        connections = len(broker.connections)

    assert len(set(ids)) == 50
    assert depths["sender"] == 50
    assert connections == 1
    assert broker.connections == set()


async def test_a_broker_that_is_down_is_an_error_of_the_call() -> None:
    """The next call tries again; nothing is remembered."""
    broker = rabbitmq_broker("amqp://guest:guest@127.0.0.1:1/", retry_schedule=DEFAULT_SCHEDULE)
    async with _publisher(broker) as publisher:
        with pytest.raises(QueueUnavailable) as refused:
            await publisher.publish("planner")
        with pytest.raises(QueueUnavailable) as refused_again:
            await publisher.depths()

    assert (refused.value.address, refused.value.cause) == ("127.0.0.1:1/", OutageCause.REFUSED)
    assert refused_again.value.cause is OutageCause.REFUSED


async def test_the_same_calls_work_inside_one_process() -> None:
    """Embedded mode changes the broker and nothing else."""
    broker = InProcessBroker(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE)
    async with _publisher(broker) as publisher:
        message_id = await publisher.publish("planner", "w-1")
        await publisher.publish("sender", ["e-1"], delay=timedelta(minutes=5))

        depths = await publisher.depths()

    assert {queue: count for queue, count in depths.items() if count} == {"planner": 1, "sender.wait.5m": 1}
    assert Message.decode(broker.queues["planner"].get_nowait()).message_id == message_id


@pytest.mark.parametrize(
    ("actor", "delay", "reason"),
    [
        ("sendr", None, "no actor is called 'sendr'"),
        ("planner", timedelta(minutes=5), "only messages of the sender can wait"),
    ],
)
async def test_a_call_that_makes_no_sense_publishes_nothing(
    actor: str, delay: timedelta | None, reason: str
) -> None:
    """The mistake comes back to its caller."""
    broker = InProcessBroker(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE)
    async with _publisher(broker) as publisher:
        with pytest.raises(ValueError, match=reason):
            await publisher.publish(actor, delay=delay)

    assert sum(broker.depths().values()) == 0


async def test_an_idle_connection_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the publisher's own thread, again and again, until there is something to do."""
    monkeypatch.setattr("actors.publisher._HEARTBEAT_EVERY_S", 0.01)
    broker = _CountingBroker()
    async with _publisher(broker) as publisher:
        await asyncio.to_thread(broker.kept_alive_twice.wait, 5)
        await publisher.publish("planner")

    assert broker.threads == {"publisher"}
    assert broker.story[:2] == ["keep_alive", "keep_alive"]
    assert broker.story[-1] == "disconnect"


async def test_a_closed_publisher_refuses() -> None:
    """A message after closing would wait for ever for its confirmation."""
    publisher = Publisher(InProcessBroker(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE))
    await publisher.close()

    with pytest.raises(RuntimeError, match="the publisher is closed"):
        await publisher.publish("planner")


async def test_closing_publishes_what_was_handed_over_before() -> None:
    """Messages that wait for the thread are not dropped."""
    broker = InProcessBroker(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE)
    publisher = Publisher(broker)
    pending = [asyncio.create_task(publisher.publish("planner")) for _ in range(20)]
    await asyncio.sleep(0)

    await publisher.close()

    assert len({await task for task in pending}) == 20
    assert broker.depths()["planner"] == 20


async def test_a_cancelled_caller_leaves_the_publisher_working() -> None:
    """Whoever gave up waiting takes nothing away from the others."""
    broker = InProcessBroker(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE)
    async with _publisher(broker) as publisher:
        given_up = asyncio.create_task(publisher.publish("planner"))
        await asyncio.sleep(0)
        given_up.cancel()

        await publisher.publish("dispatcher")

    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert broker.depths()["dispatcher"] == 1


class _CountingBroker(InProcessBroker):
    """Remembers what its publisher asked of it, and in which thread."""

    def __init__(self) -> None:
        super().__init__(retry_schedule=DEFAULT_SCHEDULE, now=lambda: NINE)
        self.story: list[str] = []
        self.threads: set[str] = set()
        self.kept_alive_twice = threading.Event()

    @override
    def keep_alive(self) -> None:
        self._note("keep_alive")
        if self.story.count("keep_alive") == 2:
            self.kept_alive_twice.set()

    @override
    def disconnect(self) -> None:
        self._note("disconnect")

    def _note(self, what: str) -> None:
        self.story.append(what)
        self.threads.add(threading.current_thread().name)


@asynccontextmanager
async def _publisher(broker: MessageStore) -> AsyncIterator[Publisher]:
    publisher = Publisher(broker)
    try:
        yield publisher
    finally:
        await publisher.close()


# pika has no types.
def _get(vhost: Vhost, queue: str) -> tuple[Any, Message[None]]:
    with closing(pika.BlockingConnection(pika.URLParameters(vhost.amqp_url))) as connection:
        _, properties, body = connection.channel().basic_get(queue, auto_ack=True)
    return properties, Message.decode(body)
