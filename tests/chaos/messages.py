"""The messages of an installation: published again, lost, or lost with their queues."""

from collections import deque
from contextlib import closing
from random import Random

import pika
from pika.exceptions import ChannelClosedByBroker

from actors.queues import every_queue
from tests.chaos.installation import RETRY_SCHEDULE
from tests.support.firehose import Firehose
from tests.support.rabbitmq import Vhost

_REMEMBERED = 2_000
_NO_SUCH_QUEUE = 404


class Messages:
    """Remembers what was published, to publish it again."""

    def __init__(self, vhost: Vhost) -> None:
        self.firehose = Firehose(vhost)
        self._seen: deque[tuple[str, bytes]] = deque(maxlen=_REMEMBERED)

    def publish_again(self, chance: Random, *, copies: int = 20) -> None:
        """Publish *copies* of the latest messages and as many of earlier ones, in any order."""
        self._seen.extend(self.firehose.take())
        seen = list(self._seen)
        again = seen[-copies:] + chance.sample(seen, k=min(copies, len(seen)))
        chance.shuffle(again)
        with closing(self.firehose.connect()) as connection:
            channel = connection.channel()
            for queue, body in again:
                channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2))

    def purge(self) -> None:
        """Lose every message that is in no worker's hands."""
        self._on_every_queue("queue_purge")

    def delete_queues(self) -> None:
        """Lose the queues as well."""
        self._on_every_queue("queue_delete")

    def _on_every_queue(self, method: str) -> None:
        with closing(self.firehose.connect()) as connection:
            for queue in every_queue(RETRY_SCHEDULE):
                try:
                    channel = connection.channel()
                    getattr(channel, method)(queue)
                except ChannelClosedByBroker as closed:
                    if closed.reply_code != _NO_SUCH_QUEUE:
                        raise
