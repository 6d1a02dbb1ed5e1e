"""The RabbitMQ of the tests: from `DRUMBEAT_AMQP_URL`, else a node for all; each test has a virtual host."""

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from tests.support.apt import ProgramMissing
from tests.support.processes import shared_server
from tests.support.rabbitmq_node import RabbitMQNode


class Depth(NamedTuple):
    ready: int
    consumers: int


@dataclass(frozen=True, slots=True)
class Vhost:
    """A virtual host of a test's own, empty at the beginning."""

    name: str
    amqp_url: str
    management_url: str

    def depth(self, queue: str) -> Depth:
        """
        What *queue* holds at this moment; exact, unlike the management API, which lags by seconds.

        Raises:
            pika.exceptions.ChannelClosedByBroker: There is no such queue.
        """
        with closing(pika.BlockingConnection(pika.URLParameters(self.amqp_url))) as connection:
            declared = connection.channel().queue_declare(queue, passive=True).method
        return Depth(declared.message_count, declared.consumer_count)

    def consumers(self, queue: str) -> int:
        """How many consume *queue* at this moment; 0 before the first of them has declared it."""
        try:
            return self.depth(queue).consumers
        except ChannelClosedByBroker:
            return 0

    def peek(self, queue: str, count: int = 100) -> list[str]:
        """The bodies of the first *count* ready messages of *queue*, oldest first, which stay there."""
        wanted = {"count": count, "ackmode": "ack_requeue_true", "encoding": "auto"}
        found = self.management(f"queues/{self.name}/{quote(queue, safe='')}/get", "POST", wanted)
        return [message["payload"] for message in found]

    def close_connections(self) -> None:
        """Cut every connection to this virtual host, as an operator may; each client gets a 320."""
        # By user: the list of connections lags by 5 seconds, what a user has open is known at once.
        self.management(f"connections/username/{self.name}", "DELETE")

    def management(self, path: str, method: str = "GET", body: object = None) -> Any:
        """What the management API answers below `/api/`, parsed; None when it answers nothing."""
        return _management(self.management_url, path, method, body)


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """A broker, by URLs that name no virtual host: its management URL contains user and password too."""

    amqp_url: str
    management_url: str

    @contextmanager
    def vhost(self) -> Iterator[Vhost]:
        """
        A fresh virtual host with a user of its own, who may enter no other one.

        It is deleted in the end with everything in it and every connection to it.
        """
        name, password = f"test-{uuid4().hex[:12]}", uuid4().hex
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        with ExitStack() as undo:
            for kind, properties in (("vhosts", {}), ("users", {"password": password, "tags": ""})):
                _management(self.management_url, f"{kind}/{name}", "PUT", properties)
                undo.callback(_management, self.management_url, f"{kind}/{name}", "DELETE")
            _management(self.management_url, f"permissions/{name}/{name}", "PUT", everything)
            address = urlsplit(self.amqp_url)
            place = address.netloc.rpartition("@")[2]
            url = address._replace(netloc=f"{name}:{password}@{place}", path=f"/{name}").geturl()
            yield Vhost(name, url, self.management_url)


@dataclass(frozen=True, slots=True)
class OwnRabbitMQ(RabbitMQ):
    """A broker that one test has to itself, to kill."""

    _node: RabbitMQNode

    def kill(self) -> None:
        """End its process by signal 9; what was confirmed is kept in its files."""
        self._node.kill()

    def restart(self) -> None:
        """Start it again after `kill`, on the same ports and files, and wait until it takes connections."""
        self._node.start()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> RabbitMQ:
    """The broker that all workers of a run share."""
    given = os.environ.get("DRUMBEAT_AMQP_URL")
    if given is None:
        return RabbitMQ(**shared_server("tests.support.rabbitmq_node", tmp_path_factory))
    management_url = os.environ.get("DRUMBEAT_RABBITMQ_MANAGEMENT_URL")
    return RabbitMQ(given, management_url or management_beside(given))


@pytest.fixture
def vhost(rabbitmq: RabbitMQ) -> Iterator[Vhost]:
    """A virtual host of the test's own on the shared broker."""
    with rabbitmq.vhost() as own:
        yield own


@pytest.fixture
def own_rabbitmq(tmp_path: Path) -> Iterator[Callable[[], OwnRabbitMQ]]:
    """Start brokers of the test's own, which takes some 5 seconds each. They end with the test."""
    with ExitStack() as nodes:

        def start() -> OwnRabbitMQ:
            directory = tmp_path / f"rabbitmq-{uuid4().hex[:6]}"
            directory.mkdir()
            try:
                node = RabbitMQNode(directory)
            except ProgramMissing as missing:
                pytest.fail(str(missing), pytrace=False)
            nodes.callback(node.kill)
            return OwnRabbitMQ(node.amqp_url, node.management_url, node)

        yield start


def management_beside(amqp_url: str) -> str:
    """Where the management API of *amqp_url* is by default: the same host, user and password, port 15672."""
    address = urlsplit(amqp_url)
    login = address.netloc.rpartition("@")[0] or "guest:guest"
    return f"http://{login}@{address.hostname}:15672"


def _management(url: str, path: str, method: str = "GET", body: object = None) -> Any:
    answer = _client().request(method, f"{url.rstrip('/')}/api/{path}", json=body)
    answer.raise_for_status()
    return answer.json() if answer.content else None


@cache
def _client() -> httpx.Client:
    # Kept, as it takes 20 ms to make; proxies are for the outside.
    client = httpx.Client(timeout=20, trust_env=False)
    atexit.register(client.close)
    return client
