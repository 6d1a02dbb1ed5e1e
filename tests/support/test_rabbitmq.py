"""The RabbitMQ of the tests keeps tests apart, counts exactly, and comes back with its messages."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pika
import pytest
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

from tests.support.rabbitmq import OwnRabbitMQ, RabbitMQ, Vhost, management_beside


@contextmanager
def channel(vhost: Vhost) -> Iterator[Any]:  # pika has no types
    with closing(pika.BlockingConnection(pika.URLParameters(vhost.amqp_url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def publish(vhost: Vhost, *bodies: str) -> None:
    """Publish durably to the durable queue `letters`, and wait for each confirmation."""
    with channel(vhost) as letters:
        letters.queue_declare("letters", durable=True)
        for body in bodies:
            letters.basic_publish("", "letters", body.encode(), pika.BasicProperties(delivery_mode=2))


def test_virtual_hosts_know_nothing_of_each_other(rabbitmq: RabbitMQ) -> None:
    """A queue is in one virtual host only, and gone with it, even under a connection."""
    with rabbitmq.vhost() as first, rabbitmq.vhost() as second:
        publish(first, "one")

        assert first.depth("letters") == (1, 0)
        with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"):
            second.depth("letters")

    with pytest.raises(AMQPConnectionError):
        first.depth("letters")
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        first.management(f"vhosts/{first.name}")


def test_the_depth_is_exact_at_once(vhost: Vhost) -> None:
    """Ready messages and consumers are counted at the moment, not at the last statistics."""
    publish(vhost, "one", "two", "three")
    assert vhost.depth("letters") == (3, 0)

    with channel(vhost) as consumer:
        consumer.basic_qos(prefetch_count=2)
        consumer.basic_consume("letters", lambda *delivery: None)

        assert vhost.depth("letters") == (1, 1)
        assert (vhost.consumers("letters"), vhost.consumers("unknown")) == (1, 0)


def test_peeking_leaves_the_messages_where_they_are(vhost: Vhost) -> None:
    """The bodies are read in order, twice the same."""
    publish(vhost, "one", "two")

    assert vhost.peek("letters") == ["one", "two"]
    assert vhost.peek("letters", count=1) == ["one"]
    assert vhost.depth("letters") == (2, 0)


def test_connections_are_cut_from_the_side_of_the_broker(rabbitmq: RabbitMQ, vhost: Vhost) -> None:
    """Every connection of this virtual host ends, no other one does."""
    with rabbitmq.vhost() as neighbour, channel(neighbour) as untouched:
        cut = pika.BlockingConnection(pika.URLParameters(vhost.amqp_url))

        vhost.close_connections()

        with pytest.raises(AMQPConnectionError, match="CONNECTION_FORCED"):
            cut.process_data_events(time_limit=5)
        assert untouched.connection.is_open
        untouched.queue_declare("still_here")


def test_a_killed_broker_comes_back_with_what_it_confirmed(own_rabbitmq: Callable[[], OwnRabbitMQ]) -> None:
    """After kill -9 nobody listens; after the restart the same URL leads to the same messages."""
    broker = own_rabbitmq()
    with broker.vhost() as vhost:
        publish(vhost, "one", "two")

        broker.kill()

        with pytest.raises(AMQPConnectionError):
            vhost.depth("letters")
        broker.restart()
        assert vhost.peek("letters") == ["one", "two"]


def test_the_management_url_is_guessed_from_the_amqp_url() -> None:
    """Same host and login, default port."""
    assert (
        management_beside("amqp://anna:geheim@broker.test:5673/x") == "http://anna:geheim@broker.test:15672"
    )
    assert management_beside("amqp://broker.test") == "http://guest:guest@broker.test:15672"
