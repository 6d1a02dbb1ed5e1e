"""RabbitMQ's firehose: a copy of every message that is published in a virtual host."""

from contextlib import closing

import pika

from tests.support.rabbitmq import Vhost

_CAPTURED = "captured"
_KEPT = 2_000


class Firehose:
    """Keeps the last messages of *vhost* in a queue of its own."""

    def __init__(self, vhost: Vhost) -> None:
        self._vhost = vhost
        self.listen()

    def listen(self) -> None:
        """Begin to copy; again after a restart of the broker, which forgets that it was told to."""
        self._vhost.management(f"vhosts/{self._vhost.name}", "PUT", {"tracing": True})
        with closing(self.connect()) as connection:
            channel = connection.channel()
            channel.queue_declare(_CAPTURED, durable=True, arguments={"x-max-length": _KEPT})
            channel.queue_bind(_CAPTURED, "amq.rabbitmq.trace", routing_key="publish.#")

    def take(self) -> list[tuple[str, bytes]]:
        """What was published since, oldest first: the queue that it went to, and its body."""
        taken: list[tuple[str, bytes]] = []
        with closing(self.connect()) as connection:
            channel = connection.channel()
            while True:
                method, properties, body = channel.basic_get(_CAPTURED, auto_ack=True)
                if method is None:
                    return taken
                taken.append((properties.headers["routing_keys"][0], body))

    def connect(self) -> pika.BlockingConnection:
        """A connection to the virtual host, whose broker may just be starting."""
        parameters = pika.URLParameters(self._vhost.amqp_url)
        parameters.connection_attempts, parameters.retry_delay = 10, 0.5
        return pika.BlockingConnection(parameters)
