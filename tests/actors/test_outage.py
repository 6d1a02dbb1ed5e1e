"""Every way in which RabbitMQ can be away, said in an operator's words."""

import socket
import threading
import time

import pika
import pytest
from dramatiq.errors import ConnectionClosed
from pika.exceptions import (
    AMQPHeartbeatTimeout,
    ChannelClosedByBroker,
    ConnectionBlockedTimeout,
    ConnectionClosedByBroker,
    NackError,
    StreamLostError,
)

from actors.broker import check, rabbitmq_broker
from actors.outage import OutageCause, QueueUnavailable, outage
from tests.support.queueing import NOBODY_LISTENS, ONE_SECOND, broker_on, channel_to, message_for
from tests.support.rabbitmq import Vhost


def test_queues_of_another_make_are_reported_as_such(vhost: Vhost) -> None:
    """Arguments are for ever; the error says which one differs."""
    with channel_to(vhost) as channel:
        channel.queue_declare("planner", durable=True)

    with (
        broker_on(vhost) as broker,
        pytest.raises(QueueUnavailable, match="inequivalent arg") as refusal,
    ):
        broker.declare_all()

    assert refusal.value.cause is OutageCause.DECLARED_OTHERWISE


def test_a_broker_that_is_down_is_noticed_at_once() -> None:
    """Nothing waits for a port on which nobody listens."""
    began = time.monotonic()

    with pytest.raises(QueueUnavailable) as refusal:
        rabbitmq_broker(NOBODY_LISTENS, retry_schedule=ONE_SECOND).enqueue(message_for("sender", "email-1"))

    assert time.monotonic() - began < 1
    assert refusal.value.cause is OutageCause.REFUSED


def test_check_is_silent_when_the_broker_answers(vhost: Vhost) -> None:
    """Nothing is declared either."""
    check(vhost.amqp_url)

    with broker_on(vhost) as broker:
        assert set(broker.depths().values()) == {0}


def test_check_tells_a_refused_connection() -> None:
    """The error names host, port and virtual host, and never the password."""
    with pytest.raises(QueueUnavailable) as refusal:
        check("amqp://drumbeat:secret@127.0.0.1:1/mail")

    assert refusal.value.cause is OutageCause.REFUSED
    assert str(refusal.value) == (
        "RabbitMQ at 127.0.0.1:1/mail: nothing listens there ([Errno 111] Connection refused)"
    )


def test_check_tells_a_wrong_password(vhost: Vhost) -> None:
    """RabbitMQ's own words come along."""
    address = pika.URLParameters(vhost.amqp_url)

    with pytest.raises(
        QueueUnavailable, match=r"refuses the user name or the password .*ACCESS_REFUSED"
    ) as refusal:
        check(f"amqp://nobody:wrong@{address.host}:{address.port}/{address.virtual_host}")

    assert refusal.value.cause is OutageCause.LOGIN


def test_check_tells_a_virtual_host_that_does_not_exist(vhost: Vhost) -> None:
    """A typo in the last part of the URL."""
    with pytest.raises(QueueUnavailable, match=r"NOT_ALLOWED - vhost .*-typo not found") as refusal:
        check(f"{vhost.amqp_url}-typo")

    assert refusal.value.cause is OutageCause.VHOST


def test_check_tells_a_host_name_that_nobody_knows() -> None:
    """`.invalid` never resolves (RFC 2606 §2)."""
    with pytest.raises(QueueUnavailable) as refusal:
        check("amqp://guest:guest@rabbitmq.invalid:5672/")

    assert refusal.value.cause is OutageCause.UNKNOWN_HOST
    assert refusal.value.address == "rabbitmq.invalid:5672/"


def test_check_tells_a_server_that_hangs_up() -> None:
    """Something listens there, but it is no RabbitMQ."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()

        with pytest.raises(QueueUnavailable) as refusal:
            check(f"amqp://guest:guest@127.0.0.1:{server.getsockname()[1]}/")

    assert refusal.value.cause is OutageCause.UNREACHABLE


def test_check_refuses_what_is_no_amqp_url() -> None:
    """The wrong variable in the environment, say."""
    with pytest.raises(ValueError, match="begins with amqp:// or amqps://"):
        check("postgresql://127.0.0.1/drumbeat")


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (ConnectionBlockedTimeout("blocked for 5 s"), OutageCause.BLOCKED),
        (NackError([]), OutageCause.REJECTED),
        (ChannelClosedByBroker(406, "PRECONDITION_FAILED"), OutageCause.DECLARED_OTHERWISE),
        (ChannelClosedByBroker(404, "NOT_FOUND"), OutageCause.LOST),
        (ConnectionClosedByBroker(320, "CONNECTION_FORCED"), OutageCause.LOST),
        (StreamLostError("reset by peer"), OutageCause.LOST),
        (AMQPHeartbeatTimeout(), OutageCause.LOST),
        (TimeoutError(), OutageCause.UNREACHABLE),
        (ConnectionResetError(), OutageCause.LOST),
    ],
)
def test_every_fault_has_a_cause(fault: BaseException, cause: OutageCause) -> None:
    """The special ones before the general: a blocked connection is not merely a lost one."""
    assert outage(fault, "127.0.0.1:5672/").cause is cause


def test_a_fault_without_words_is_named_by_its_kind() -> None:
    """The detail is never empty."""
    assert str(outage(TimeoutError(), "mq.test:5672/mail")) == (
        "RabbitMQ at mq.test:5672/mail: it does not answer (TimeoutError)"
    )


def test_what_dramatiq_wraps_is_looked_into() -> None:
    """Its ConnectionClosed carries the error of pika, not only its text."""
    wrapped = ConnectionClosed(ConnectionBlockedTimeout("blocked for 5 s"))  # type: ignore[no-untyped-call]

    assert outage(wrapped, "127.0.0.1:5672/").cause is OutageCause.BLOCKED
