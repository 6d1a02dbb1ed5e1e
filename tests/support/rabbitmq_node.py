"""A RabbitMQ node of our own: apart from any other on the machine, gone with the process that started it."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from app.postgres_programs import leashed
from tests.support.processes import serve
from tests.support.rabbitmq_server import rabbitmq_server

_READY_WITHIN_S = 60.0

_CONFIGURATION = """
listeners.tcp.local = 127.0.0.1:{amqp_port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management_port}
collect_statistics_interval = 1000
disk_free_limit.absolute = 50MB
log.console = false
"""


class RabbitMQNode:
    """
    The node that keeps its messages in *directory*, running from here on. User and password are `guest`.

    On Linux it is killed when the thread that made it ends.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._amqp_port, self._management_port, self._distribution_port = _free_ports(3)
        self.amqp_url = f"amqp://guest:guest@127.0.0.1:{self._amqp_port}"
        self.management_url = f"http://guest:guest@127.0.0.1:{self._management_port}"
        (directory / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (directory / "environment.conf").touch()  # instead of the machine's /etc/rabbitmq/rabbitmq-env.conf
        (directory / "rabbitmq.conf").write_text(
            _CONFIGURATION.format(amqp_port=self._amqp_port, management_port=self._management_port)
        )
        self.start()

    def start(self) -> None:
        """
        Start the node, again with all it kept, and answer once it takes connections.

        Raises:
            ProgramMissing: No RabbitMQ is installed.
            RuntimeError: It does not start; the message names its log.
        """
        with (self._directory / "output.log").open("a") as output:
            self._process = subprocess.Popen(
                leashed([str(rabbitmq_server())], end=signal.SIGKILL),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"RabbitMQ does not start, see {self._directory / 'output.log'}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the node's process (-9), as a power cut would, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def _environment(self) -> dict[str, str]:
        directory = self._directory
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(directory),  # for the Erlang cookie
            # The start script then becomes the node itself, so that its process id is the one we know.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_NODENAME": f"drumbeat-{self._amqp_port}@localhost",
            "RABBITMQ_NODE_PORT": str(self._amqp_port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_CONF_ENV_FILE": str(directory / "environment.conf"),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                # One scheduler that sleeps when idle: the tests need the processors.
                "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"
            ),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def _answers(self) -> bool:
        try:
            for port in (self._management_port, self._amqp_port):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True


def _free_ports(count: int) -> list[int]:
    """Ports below those that the system gives to outgoing connections, which nobody takes in the meantime."""
    free: list[int] = []
    candidates = iter(random.sample(range(20_000, 30_000), k=1_000))
    while len(free) < count:
        port = next(candidates)
        with closing(socket.socket()) as candidate, suppress(OSError):
            candidate.bind(("127.0.0.1", port))
            free.append(port)
    return free


@contextmanager
def _rabbitmq(directory: Path) -> Iterator[dict[str, str]]:
    node = RabbitMQNode(directory)
    try:
        yield {"amqp_url": node.amqp_url, "management_url": node.management_url}
    finally:
        node.kill()


if __name__ == "__main__":
    serve(_rabbitmq)
