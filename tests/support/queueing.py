"""Messages, brokers and workers, for the tests that publish and consume."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
from dramatiq import Broker, Message
from dramatiq.middleware import Middleware

from actors.broker import QueueBroker, rabbitmq_broker
from actors.in_process_broker import start_worker
from actors.middleware import Errand, middleware_stack
from tests.support.rabbitmq import Vhost

DEFAULT_SCHEDULE = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30))
ONE_SECOND = (timedelta(seconds=1),)
NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOBODY_LISTENS = "amqp://guest:guest@127.0.0.1:1/"


async def nothing(*_ids: str) -> None: ...


def message_for(
    actor: str = "sender",
    *args: object,
    queue: str | None = None,
    options: dict[str, object] | None = None,
) -> Message[None]:
    """A message for *actor*, on the queue of its name unless said otherwise."""
    return Message(
        queue_name=queue or actor, actor_name=actor, args=args, kwargs={}, options=dict(options or {})
    )


def stack(
    schedule: tuple[timedelta, ...],
    *,
    at_start: Errand = nothing,
    at_stop: Errand = nothing,
    time_limit: timedelta = timedelta(minutes=10),
) -> list[Middleware]:
    return middleware_stack(
        at_start=at_start, at_stop=at_stop, retry_schedule=schedule, time_limit=time_limit
    )


@contextmanager
def broker_on(vhost: Vhost, schedule: tuple[timedelta, ...] = ONE_SECOND) -> Iterator[QueueBroker]:
    with closing(
        rabbitmq_broker(vhost.amqp_url, retry_schedule=schedule, middleware=stack(schedule))
    ) as broker:
        yield broker


@contextmanager
def worker_on(broker: Broker) -> Iterator[None]:
    worker = start_worker(broker, threads=1)
    try:
        yield
    finally:
        worker.stop()


# pika has no types.
@contextmanager
def channel_to(vhost: Vhost) -> Iterator[Any]:
    with pika.BlockingConnection(pika.URLParameters(vhost.amqp_url)) as connection:
        yield connection.channel()


def cut(broker: QueueBroker) -> None:
    """Break the line under this thread's connection, which does not notice before its next use."""
    broker.connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)


def not_empty(depths: dict[str, int]) -> dict[str, int]:
    return {queue: count for queue, count in depths.items() if count}


def until(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    """Wait until *condition* holds, *within* seconds at most."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"waited {within} s in vain"
        time.sleep(0.02)
