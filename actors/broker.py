"""Drumbeat on RabbitMQ: confirmed messages, waits that the broker holds, dead letters by queue."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

import pika
from dramatiq import Actor, Broker, Message
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.middleware import Middleware
from pika import exceptions as amqp
from typing_extensions import override

from actors.consumer import ChannelFaithfulConsumer
from actors.outage import FAULTS, address_of, outage
from actors.queues import (
    SENDER,
    WORK_QUEUES,
    dead_letter_queue,
    declarations,
    every_queue,
    queue_of,
    wait_queue_for,
)

T = TypeVar("T")

# One for a connection that was closed while idle, one for a queue that was deleted, one that succeeds.
_ATTEMPTS: Final = 3


def rabbitmq_broker(
    url: str, *, retry_schedule: Sequence[timedelta], middleware: Sequence[Middleware] = ()
) -> "QueueBroker":
    """Make the broker at *url* (`amqp://user:password@host:port/vhost`); the first use opens a connection."""
    return QueueBroker(connection_parameters(url), retry_schedule=retry_schedule, middleware=middleware)


def check(url: str) -> None:
    """
    Log in at the broker and leave again.

    Raises:
        QueueUnavailable: With the exact cause: no such host, refused, wrong password, no such virtual host.
    """
    parameters = connection_parameters(url)
    try:
        pika.BlockingConnection(parameters).close()
    except FAULTS as fault:
        raise outage(fault, address_of(parameters)) from None


def install(broker: Broker, actors: Mapping[str, Callable[..., Awaitable[None]]]) -> None:
    """
    Make each coroutine an actor under its name on *broker*, on the queue that `queue_of` names.

    Raises:
        ValueError: If no queue belongs to a name, or the name is taken on *broker*.
    """
    for name, coroutine in actors.items():
        Actor[..., None](
            coroutine, broker=broker, actor_name=name, queue_name=queue_of(name), priority=0, options={}
        )


def connection_parameters(url: str) -> pika.URLParameters:
    """
    Read *url* and bound every wait: 5 s to connect, 10 s to log in, 5 s while an alarm blocks publishers.

    Raises:
        ValueError: If *url* is not one of AMQP.
    """
    if not url.startswith(("amqp://", "amqps://")):
        raise ValueError("the URL of RabbitMQ begins with amqp:// or amqps://")
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 15
    parameters.blocked_connection_timeout = 5
    parameters.connection_attempts = 1
    parameters.socket_timeout = 5
    parameters.stack_timeout = 10
    parameters.client_properties = {"connection_name": "drumbeat"}
    return parameters


class QueueBroker(RabbitmqBroker):
    """
    dramatiq's RabbitMQ broker with waits in queues of their own instead of a worker's memory.

    Each thread has a connection of its own. Every method that talks to RabbitMQ raises QueueUnavailable.
    """

    def __init__(
        self,
        parameters: pika.URLParameters,
        *,
        retry_schedule: Sequence[timedelta],
        middleware: Sequence[Middleware],
    ) -> None:
        super().__init__(confirm_delivery=True, middleware=list(middleware))
        self.parameters = parameters
        self.address = address_of(parameters)
        self.retry_schedule = tuple(retry_schedule)
        # dramatiq asks for what must still be declared on the server, and our queues are known beforehand.
        self.queues_pending = set(WORK_QUEUES)

    @property
    @override
    def consumer_class(self) -> type[ChannelFaithfulConsumer]:
        return ChannelFaithfulConsumer

    @override
    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Let this process's worker consume *queue_name*; with *ensure*, also create it on the server."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)
        if ensure:
            self._ensure_queue(queue_name)

    def declare_all(self) -> None:
        """Create every queue that is not there yet, so that the operator sees all names from the start."""
        self.queues_pending.update(WORK_QUEUES)
        for work_queue in WORK_QUEUES:
            self._ensure_queue(work_queue)

    @override
    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """
        Publish *message* and wait for the broker's confirmation.

        With *delay*, in milliseconds, it goes to the wait queue that covers it. A missing queue is created,
        but this process does not begin to consume it.

        Raises:
            QueueUnavailable: When the broker did not confirm. The message may still have arrived.
            ValueError: If *delay* is given for a queue other than the sender's.
        """
        if delay is not None and message.queue_name != SENDER:
            raise ValueError(f"only messages of the {SENDER} can wait, not those of the {message.queue_name}")
        self.emit_before("enqueue", message, delay)
        self._attempt(partial(self._publish, message, self._route(message, delay)))
        self.emit_after("enqueue", message, delay)
        return message

    def depths(self) -> dict[str, int]:
        """Count the messages that are ready in each queue, exactly; 0 for a queue that does not exist."""
        return {name: self._attempt(partial(self._depth, name)) for name in every_queue(self.retry_schedule)}

    def keep_alive(self) -> None:
        """Answer the heartbeats on this thread's connection, if there is one; needed while it is idle."""
        if getattr(self.state, "connection", None) is None:
            return
        try:
            self.connection.process_data_events(time_limit=0)
        except FAULTS:
            self.disconnect()  # the next use opens a new one

    def disconnect(self) -> None:
        """Close the connection of the calling thread."""
        del self.connection

    @override
    def get_queue_message_counts(self, queue_name: str) -> tuple[int, int, int]:
        """Count what is ready in *queue_name*, waiting to come back to it, and dead."""
        dead = dead_letter_queue(queue_name)
        names = [queue.name for queue in declarations(queue_name, self.retry_schedule)]
        ready = {name: self._attempt(partial(self._depth, name)) for name in names}
        return ready[queue_name], sum(ready.values()) - ready[queue_name] - ready[dead], ready[dead]

    @override
    def flush(self, queue_name: str) -> None:
        """Drop every message of *queue_name*, its waits and its dead letters."""
        for queue in declarations(queue_name, self.retry_schedule):
            self._attempt(partial(self._purge, queue.name))

    def _route(self, message: Message[Any], delay: int | None) -> str:
        if delay is None:
            return message.queue_name
        return wait_queue_for(timedelta(milliseconds=delay), self.retry_schedule)

    @override
    def _ensure_queue(self, canonical_queue_name: str) -> None:
        self._attempt(partial(self._declare_pending, canonical_queue_name))

    def _declare_pending(self, work_queue: str) -> None:
        if work_queue not in self.queues_pending:
            return
        for queue in declarations(work_queue, self.retry_schedule):
            self.channel.queue_declare(queue=queue.name, durable=True, arguments=dict(queue.arguments))
        self.queues_pending.discard(work_queue)

    def _publish(self, message: Message[Any], route: str) -> None:
        self._declare_pending(message.queue_name)
        try:
            self.channel.basic_publish(
                exchange="",
                routing_key=route,
                body=message.encode(),
                properties=pika.BasicProperties(
                    content_type="application/json", delivery_mode=2, message_id=message.message_id
                ),
                mandatory=True,
            )
        except amqp.UnroutableError:
            self.queues_pending.add(message.queue_name)  # someone deleted it
            raise

    def _depth(self, name: str) -> int:
        try:
            return int(self.channel.queue_declare(queue=name, passive=True).method.message_count)
        except amqp.ChannelClosedByBroker as closed:
            return self._absent(closed)

    def _purge(self, name: str) -> int:
        try:
            return int(self.channel.queue_purge(name).method.message_count)
        except amqp.ChannelClosedByBroker as closed:
            return self._absent(closed)

    def _absent(self, closed: amqp.ChannelClosedByBroker) -> int:
        if closed.reply_code != 404:
            raise closed
        del self.channel
        return 0

    def _attempt(self, action: Callable[[], T]) -> T:
        """Run *action* on this thread's channel, again on a fresh one where that can help."""
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                return action()
            except FAULTS as fault:
                was_connected = getattr(self.state, "connection", None) is not None
                self.disconnect()
                if not attempts_left or not was_connected or isinstance(fault, amqp.ConnectionBlockedTimeout):
                    raise outage(fault, self.address) from None
        raise AssertionError("unreachable: the last attempt returns or raises")
