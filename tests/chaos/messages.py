"""The messages of an installation: what was published is kept, and can be published again, or be lost."""

from collections import deque
from contextlib import closing
from random import Random

import pika
from pika.adapters.blocking_connection import BlockingChannel

from actors.queues import every_queue
from tests.chaos.installation import RETRY_SCHEDULE
from tests.support.rabbitmq import Vhost

_CAPTURED = "captured"
_KEPT = 2_000
# An order to publish: the queue, and the body.
Message = tuple[str, bytes]


class Messages:
    """Listens to RabbitMQ's firehose, which copies every message that is published."""

    def __init__(self, vhost: Vhost) -> None:
        self._vhost = vhost
        self.seen: deque[Message] = deque(maxlen=_KEPT)
        self.listen()

    def listen(self) -> None:
        """Begin to capture; again after a restart of the broker, which forgets that it was told to."""
        self._vhost.management(f"vhosts/{self._vhost.name}", "PUT", {"tracing": True})
        with closing(self._connect()) as connection:
            channel = connection.channel()
            channel.queue_declare(_CAPTURED, durable=True, arguments={"x-max-length": _KEPT})
            channel.queue_bind(_CAPTURED, "amq.rabbitmq.trace", routing_key="publish.#")

    def publish_again(self, chance: Random, *, copies: int = 20) -> int:
        """Publish *copies* of recent messages and as many of old ones, in any order; how many."""
        with closing(self._connect()) as connection:
            channel = connection.channel()
            self._take(channel)
            seen = list(self.seen)
            again = seen[-copies:] + chance.sample(seen, k=min(copies, len(seen)))
            chance.shuffle(again)
            for queue, body in again:
                channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2))
        return len(again)

    def purge(self) -> None:
        """Lose every message that is in no worker's hands."""
        self._on_every_queue("queue_purge")

    def delete_queues(self) -> None:
        """Lose the queues as well."""
        self._on_every_queue("queue_delete")

    def _on_every_queue(self, method: str) -> None:
        with closing(self._connect()) as connection:
            for queue in every_queue(RETRY_SCHEDULE):
                try:
                    channel = connection.channel()
                    getattr(channel, method)(queue)
                except pika.exceptions.ChannelClosedByBroker as closed:
                    if closed.reply_code != 404:
                        raise

    def _take(self, channel: BlockingChannel) -> None:
        while True:
            method, properties, body = channel.basic_get(_CAPTURED, auto_ack=True)
            if method is None or body is None:
                return
            queue = properties.headers["routing_keys"][0]
            # What is published again is captured as well; as it was seen before, it does no harm.
            self.seen.append((queue, body))

    def _connect(self) -> pika.BlockingConnection:
        parameters = pika.URLParameters(self._vhost.amqp_url)
        parameters.connection_attempts, parameters.retry_delay = 10, 0.5
        return pika.BlockingConnection(parameters)
