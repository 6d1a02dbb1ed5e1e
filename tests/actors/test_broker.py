"""Queues and publishing on a real RabbitMQ."""

import pytest
from pika.exceptions import ChannelClosedByBroker

from actors.broker import install, rabbitmq_broker
from tests.support.queueing import (
    DEFAULT_SCHEDULE,
    NOBODY_LISTENS,
    ONE_SECOND,
    broker_on,
    channel_to,
    cut,
    message_for,
    not_empty,
    nothing,
    until,
    worker_on,
)
from tests.support.rabbitmq import Vhost


def test_all_queues_are_there_before_the_first_message(vhost: Vhost) -> None:
    """What an operator sees by default in the management UI; declaring again changes nothing."""
    with broker_on(vhost, DEFAULT_SCHEDULE) as broker:
        broker.declare_all()
        broker.declare_all()

    queues = vhost.management(f"queues/{vhost.name}")
    assert all(queue["durable"] for queue in queues)
    assert {queue["name"]: _without_type(queue["arguments"]) for queue in queues} == {
        "planner": _leading_to("planner.dead"),
        "planner.dead": {"x-message-ttl": 604_800_000},
        "dispatcher": _leading_to("dispatcher.dead"),
        "dispatcher.dead": {"x-message-ttl": 604_800_000},
        "sender": _leading_to("sender.dead"),
        "sender.wait.5m": {"x-message-ttl": 300_000, **_leading_to("sender")},
        "sender.wait.15m": {"x-message-ttl": 900_000, **_leading_to("sender")},
        "sender.wait.30m": {"x-message-ttl": 1_800_000, **_leading_to("sender")},
        "sender.dead": {"x-message-ttl": 604_800_000},
        "recalculator": _leading_to("recalculator.dead"),
        "recalculator.dead": {"x-message-ttl": 604_800_000},
    }


def test_dramatiqs_own_delay_and_dead_letter_queues_do_not_exist(vhost: Vhost) -> None:
    """An operator never sees `.DQ`, which hides messages in a worker's memory, nor `.XQ`."""
    with broker_on(vhost) as broker:
        install(broker, {"sender": nothing})
        with worker_on(broker):
            broker.enqueue(message_for("sender", "email-1"))
            until(lambda: broker.depths()["sender"] == 0)

    with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"), channel_to(vhost) as channel:
        channel.queue_declare("sender.DQ", passive=True)
    with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"), channel_to(vhost) as channel:
        channel.queue_declare("sender.XQ", passive=True)


@pytest.mark.parametrize(("queue", "delay"), [("sender", None), ("sender.wait.1s", 1_000)])
def test_a_message_to_a_deleted_queue_is_kept(vhost: Vhost, queue: str, delay: int | None) -> None:
    """The confirmation tells that nobody took it; the queue is made again and the message with it."""
    with broker_on(vhost) as broker:
        broker.declare_all()
        with channel_to(vhost) as channel:
            channel.queue_delete(queue)

        broker.enqueue(message_for("sender", "email-1"), delay=delay)

        assert broker.depths()[queue] == 1


def test_publishing_replaces_a_connection_that_was_closed_meanwhile(vhost: Vhost) -> None:
    """An idle connection may be cut by anyone between two messages."""
    with broker_on(vhost) as broker:
        broker.enqueue(message_for("sender", "email-1"))
        cut(broker)

        broker.enqueue(message_for("sender", "email-1"))

        assert broker.depths()["sender"] == 2


def test_keeping_a_cut_connection_alive_drops_it(vhost: Vhost) -> None:
    """The next message opens a new one, and a broker without a connection opens none."""
    with broker_on(vhost) as broker:
        broker.keep_alive()
        assert broker.connections == set()
        broker.enqueue(message_for("sender", "email-1"))
        broker.keep_alive()
        assert len(broker.connections) == 1
        cut(broker)

        broker.keep_alive()

        assert broker.connections == set()
        broker.enqueue(message_for("sender", "email-1"))
        assert broker.depths()["sender"] == 2


def test_publishing_does_not_make_a_process_consume(vhost: Vhost) -> None:
    """Else a worker would take, and put aside, messages for actors that it does not have."""
    with broker_on(vhost) as broker:
        install(broker, {"dispatcher": nothing})

        broker.enqueue(message_for("sender", "email-1"))

        assert broker.get_declared_queues() == {"dispatcher"}


def test_depths_of_queues_that_nobody_declared_are_zero(vhost: Vhost) -> None:
    """Looking creates nothing."""
    with broker_on(vhost) as broker:
        assert set(broker.depths().values()) == {0}

    with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"), channel_to(vhost) as channel:
        channel.queue_declare("sender", passive=True)


def test_flush_empties_a_queue_and_its_waits(vhost: Vhost) -> None:
    """Other queues keep what they hold, and a queue that is not there is no error."""
    with broker_on(vhost, DEFAULT_SCHEDULE) as broker:
        broker.flush("recalculator")
        broker.enqueue(message_for("sender", "email-1"))
        broker.enqueue(message_for("sender", "email-1"), delay=900_000)
        broker.enqueue(message_for("planner"))

        broker.flush("sender")

        assert not_empty(broker.depths()) == {"planner": 1}


def test_making_a_broker_and_its_actors_opens_nothing() -> None:
    """Importing and binding work without any RabbitMQ."""
    broker = rabbitmq_broker(NOBODY_LISTENS, retry_schedule=ONE_SECOND)

    install(broker, {"planner": nothing, "dispatcher": nothing, "rescue": nothing, "sender": nothing})

    assert broker.connections == set()
    assert {name: actor.queue_name for name, actor in broker.actors.items()} == {
        "planner": "planner",
        "dispatcher": "dispatcher",
        "rescue": "dispatcher",
        "sender": "sender",
    }


def _leading_to(queue: str) -> dict[str, str | int]:
    return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}


def _without_type(arguments: dict[str, str | int]) -> dict[str, str | int]:
    assert arguments["x-queue-type"] == "classic"
    return {name: argument for name, argument in arguments.items() if name != "x-queue-type"}
