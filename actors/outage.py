"""Why RabbitMQ cannot be used now, in words that an operator can act on."""

import socket
from enum import StrEnum

import pika
from dramatiq.errors import BrokerConnectionError
from pika import exceptions as amqp
from pika.adapters.utils.connection_workflow import AMQPConnectorException

# Everything that pika raises when the broker is away: a failed name lookup comes as a bare OSError and a
# server that does not speak AMQP as an AMQPConnectorException, neither of which is an AMQPError.
FAULTS = (amqp.AMQPError, AMQPConnectorException, OSError)


class OutageCause(StrEnum):
    UNKNOWN_HOST = "its host name is not known"
    REFUSED = "nothing listens there"
    UNREACHABLE = "it does not answer"
    LOGIN = "it refuses the user name or the password"
    VHOST = "the virtual host does not exist, or the user has no access to it"
    BLOCKED = "it takes no messages because of a memory or disk alarm"
    REJECTED = "it refused the message"
    DECLARED_OTHERWISE = "a queue of that name exists with other arguments"
    LOST = "the connection broke"


class QueueUnavailable(BrokerConnectionError):
    """
    RabbitMQ took no message, or said nothing; the row that the message was about is untouched.

    `address` is `host:port/vhost` and holds no credentials; `detail` is what the broker or the system said.
    It is one of dramatiq's connection errors, so that consumers answer it by trying again.
    """

    def __init__(self, *, address: str, cause: OutageCause, detail: str) -> None:
        super().__init__(f"RabbitMQ at {address}: {cause} ({detail})")  # type: ignore[no-untyped-call]  # dramatiq
        self.address = address
        self.cause = cause
        self.detail = detail


def outage(fault: BaseException, address: str) -> QueueUnavailable:
    """Translate *fault*, one of FAULTS or what dramatiq wraps around one, for the broker at *address*."""
    if isinstance(fault, BrokerConnectionError) and isinstance(fault.message, BaseException):
        fault = fault.message
    # pika wraps the error of the socket in two of its own.
    inner = getattr(fault.args[0], "exception", fault) if fault.args else fault
    return QueueUnavailable(address=address, cause=_cause(inner), detail=str(inner) or type(inner).__name__)


def address_of(parameters: pika.ConnectionParameters) -> str:
    return f"{parameters.host}:{parameters.port}/{parameters.virtual_host.removeprefix('/')}"


def _cause(fault: BaseException) -> OutageCause:
    if isinstance(fault, amqp.ChannelClosedByBroker) and fault.reply_code == 406:
        return OutageCause.DECLARED_OTHERWISE
    return next(cause for kinds, cause in _CAUSES if isinstance(fault, kinds))


# The first that fits: special before general.
_CAUSES: tuple[tuple[tuple[type[BaseException], ...], OutageCause], ...] = (
    ((amqp.AuthenticationError, amqp.ProbableAuthenticationError), OutageCause.LOGIN),
    ((amqp.ProbableAccessDeniedError,), OutageCause.VHOST),
    ((amqp.ConnectionBlockedTimeout,), OutageCause.BLOCKED),
    ((amqp.NackError, amqp.UnroutableError), OutageCause.REJECTED),
    ((socket.gaierror,), OutageCause.UNKNOWN_HOST),
    ((ConnectionRefusedError,), OutageCause.REFUSED),
    ((amqp.IncompatibleProtocolError, AMQPConnectorException), OutageCause.UNREACHABLE),
    ((ConnectionError, amqp.AMQPError), OutageCause.LOST),
    ((OSError,), OutageCause.UNREACHABLE),
    ((BaseException,), OutageCause.LOST),
)
