"""A consumer that answers a delivery on the channel it came from, and on no other."""

from collections.abc import Callable
from typing import Any

import structlog
from dramatiq.broker import MessageProxy
from dramatiq.brokers.rabbitmq import RabbitmqBroker, _RabbitmqConsumer, _RabbitmqMessage
from dramatiq.errors import BrokerConnectionError
from typing_extensions import override

from actors.outage import FAULTS, address_of, outage

log = structlog.get_logger(__name__)


class ChannelDelivery(_RabbitmqMessage):
    """A message together with the channel that its delivery tag belongs to."""

    # dramatiq's constructor and pika's channel have no types.
    def __init__(self, delivery: Any, channel: Any) -> None:
        super().__init__(delivery.redelivered, delivery._tag, delivery._message)  # type: ignore[no-untyped-call]
        self.channel = channel

    # dramatiq puts this into its error logs; its own version prints every argument.
    @override
    def __str__(self) -> str:
        return f"{self.actor_name}[{self.message_id}]"


class ChannelFaithfulConsumer(_RabbitmqConsumer):
    """
    Drops the answer to a delivery whose channel is gone; RabbitMQ delivers that message again.

    Delivery tags count from 1 on every channel. Stock dramatiq sends the tag of a message that was taken
    before a reconnect over the new channel, where it belongs to another message: that one is acknowledged
    unseen and lost if the worker dies.
    """

    def __init__(self, broker: RabbitmqBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self._address = address_of(broker.parameters)
        try:
            super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]  # dramatiq
        except (BrokerConnectionError, *FAULTS) as fault:
            raise outage(fault, self._address) from None

    @override
    def __next__(self) -> ChannelDelivery | None:
        try:
            delivery = super().__next__()  # type: ignore[no-untyped-call]  # dramatiq
        except BrokerConnectionError as fault:
            raise outage(fault, self._address) from None
        return None if delivery is None else ChannelDelivery(delivery, self.channel)

    @override
    def ack(self, message: MessageProxy) -> None:
        self._answer(message, super().ack)

    @override
    def nack(self, message: MessageProxy) -> None:
        self._answer(message, super().nack)

    @override
    def close(self) -> None:
        try:
            super().close()  # type: ignore[no-untyped-call]  # dramatiq
        finally:
            # dramatiq goes no further when the channel is closed already, and leaves the connection open.
            if self.connection.is_open:
                self.connection.close()

    def _answer(self, message: MessageProxy, answer: Callable[[MessageProxy], None]) -> None:
        if isinstance(message, ChannelDelivery) and message.channel is self.channel and self.channel.is_open:
            try:
                answer(message)
            except BrokerConnectionError:
                pass  # lost in this very moment, which is as if it had been lost before
            else:
                return
        # Not raised: dramatiq would hold the worker thread and try again on the next channel.
        message.failed = False
        log.warning("message.left_to_redelivery", message_id=message.message_id, actor=message.actor_name)
