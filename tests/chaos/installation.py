"""An installation whose every part can be killed: its own PostgreSQL, RabbitMQ, receiver and processes."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from app.demo.campaign import GraphqlClient
from app.embedded_postgres import start_postgres
from app.founding import found_workspace
from persistence.migrations import migrate
from tests.support.rabbitmq import OwnRabbitMQ, Vhost
from tests.support.rabbitmq_node import RabbitMQNode
from tests.support.system import System, drumbeat

# Emails that one worker has on their way at most, and what it may hold one for.
CONNECTIONS = 16
LEASE_S = 4.0
RETRY_SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 3))
SETTINGS = {
    "DRUMBEAT_BUSINESS_CLOCK": "stepping",
    "DRUMBEAT_LEASE_S": str(LEASE_S),
    "DRUMBEAT_RETRY_SCHEDULE": ",".join(f"{wait.seconds}s" for wait in RETRY_SCHEDULE),
    "DRUMBEAT_SMTP_CONNECTIONS": str(CONNECTIONS),
    "DRUMBEAT_MOST_QUEUED": "200",
}
ALSO = ("clock", "clock-2", "worker", "worker-2", "worker-3")
_UNSETTLED = ("PENDING", "QUEUED", "SENDING", "COMMITTING", "RETRYING")


class ReceivedLog:
    """The log of a receiver as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0
        self._letters = 0
        # The traffic asks from a thread of its own.
        self._reading = threading.Lock()

    def count(self) -> int:
        """How many letters were received so far."""
        with self._reading:
            if self.path.exists():
                with self.path.open("rb") as log:
                    log.seek(self._read)
                    fresh = log.read()
                self._read += len(fresh)
                self._letters += fresh.count(b"\n")
            return self._letters


class CrashablePostgres:
    """A PostgreSQL that keeps what it commits in *directory*, whatever happens to it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server = start_postgres(directory)
        self.url = self._server.url

    def crash(self) -> None:
        """End it and all its connections without a checkpoint, and start it on what it wrote."""
        pid_file = self._directory / "cluster" / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
        self.restart()

    def restart(self) -> None:
        self._server.stop()
        self._server = start_postgres(self._directory)

    def end_connections(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    def stop(self) -> None:
        self._server.stop()


@dataclass
class Installation:
    """Everything that runs, and where it keeps what it does."""

    directory: Path
    database_url: str
    key: str
    smtp_port: int
    system: System
    rabbitmq: OwnRabbitMQ
    vhost: Vhost
    log: ReceivedLog
    resets: Path
    postgres: "CrashablePostgres"

    @property
    def api(self) -> GraphqlClient:
        return GraphqlClient(self.system.graphql, self.key)

    def ask(self, document: str, **variables: object) -> dict[str, Any]:
        return asyncio.run(self.api.ask(document, variables))

    def rows(self, statement: str, *parameters: object, **named: object) -> list[tuple[Any, ...]]:
        """What *statement* finds, read past roles and row-level security."""
        with psycopg.connect(self.database_url) as conn:
            return conn.execute(statement.encode(), named or parameters).fetchall()

    def states(self) -> Counter[str]:
        return Counter(dict(self.rows("SELECT status, count(*) FROM scheduled_emails GROUP BY status")))

    def is_settled(self) -> bool:
        """Whether nothing is planned, on its way or to be planned any more."""
        (unplanned,) = self.rows(
            "SELECT count(*) FROM enrollments WHERE status = 'ACTIVE' AND planned_at IS NULL"
        )
        return not unplanned[0] and not any(self.states()[status] for status in _UNSETTLED)

    def verify(self) -> tuple[int, str]:
        """`drumbeat verify --against LOG`: its exit status and what it printed."""
        verified = subprocess.run(
            [sys.executable, "-m", "app.cli", "verify", "--against", str(self.log.path)],
            env=os.environ | dict(self.system.environment) | {"COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        return verified.returncode, verified.stdout + verified.stderr


@contextmanager
def installation(
    directory: Path,
    *,
    seed: int,
    also: Sequence[str] = ALSO,
    settings: Mapping[str, str] = SETTINGS,
    reset_percent: float = 2,
) -> Iterator[Installation]:
    """
    Start the API, and what is to run *also*, over servers of their own; all is gone when the block ends.

    Call it from the main thread: the servers end with the thread that started them.
    """
    with ExitStack() as undo:
        postgres = CrashablePostgres(directory / "postgres")
        undo.callback(postgres.stop)
        migrate(postgres.url)
        _, key = asyncio.run(found_workspace(postgres.url, name="Welcome Ltd", zone="UTC"))
        (directory / "rabbitmq").mkdir()
        node = RabbitMQNode(directory / "rabbitmq")
        undo.callback(node.kill)
        rabbitmq = OwnRabbitMQ(node.amqp_url, node.management_url, node)
        vhost = undo.enter_context(rabbitmq.vhost())
        log, resets = directory / "received.jsonl", directory / "resets"
        smtp_port = undo.enter_context(_receiver(log, resets, reset_percent, seed))
        system = undo.enter_context(
            drumbeat(
                directory,
                database_url=postgres.url,
                amqp_url=vhost.amqp_url,
                settings=settings,
                names=("api",),
            )
        )
        # After it, so that it is ready before they all want the processors at once.
        for name in also:
            system.start(name)
        yield Installation(
            directory,
            postgres.url,
            key,
            smtp_port,
            system,
            rabbitmq,
            vhost,
            ReceivedLog(log),
            resets,
            postgres,
        )


@contextmanager
def _receiver(log: Path, resets: Path, reset_percent: float, seed: int) -> Iterator[int]:
    """The port of a receiver in a process of its own, which nobody kills."""
    command = [sys.executable, "-m", "tests.chaos.receiver", "--log", str(log), "--resets", str(resets)]
    command += ["--reset-percent", str(reset_percent), "--seed", str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()
