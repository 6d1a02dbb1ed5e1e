"""API and worker before their database is there, and with a role that they must not have."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from actors.queues import SENDER
from app.embedded_postgres import EmbeddedPostgres, start_postgres
from persistence.migrations import migrate
from tests.support.rabbitmq import Vhost
from tests.support.system import SECRET_KEY, free_port, wait_for

pytestmark = pytest.mark.processes
AWAITED = "database.awaited"


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A migrated server that a test may stop, and start again in the same place."""
    server = start_postgres(tmp_path / "postgres", durable=False)
    migrate(server.url)
    yield server
    server.stop()


@contextmanager
def started(command: str, settings: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`drumbeat COMMAND` with *settings*, writing to *log*; killed when the block ends."""
    environment = {"DRUMBEAT_SECRET_KEY": SECRET_KEY, "DRUMBEAT_LOG_FORMAT": "json", **settings}
    with (
        log.open("wb") as written,
        subprocess.Popen(
            [sys.executable, "-m", "app.cli", command],
            env=os.environ | environment,
            stdout=written,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def api(url: str, log: Path, *, port: int) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    return started("api", {"DRUMBEAT_DATABASE_URL": url, "DRUMBEAT_API_PORT": str(port)}, log)


def worker(url: str, log: Path, *, amqp_url: str) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    return started("worker", {"DRUMBEAT_DATABASE_URL": url, "DRUMBEAT_AMQP_URL": amqp_url}, log)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_an_api_waits_for_its_database(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """It says what it waits for, without a traceback, and then serves."""
    postgres.stop()
    log, port = tmp_path / "api.log", free_port()
    with api(postgres.url, log, port=port) as process:
        wait_for(lambda: AWAITED in log.read_text(), "the API to wait")
        again = start_postgres(tmp_path / "postgres", durable=False)
        try:
            wait_for(lambda: _is_ready(port), "the API to be ready")
            process.terminate()
            status = process.wait(timeout=30)
        finally:
            again.stop()

    assert again.url == postgres.url
    assert status == 0
    assert "start PostgreSQL, or correct" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_an_api_that_waits_can_be_told_to_end(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """SIGTERM ends it as in order."""
    postgres.stop()
    log = tmp_path / "api.log"
    with api(postgres.url, log, port=free_port()) as process:
        wait_for(lambda: AWAITED in log.read_text(), "the API to wait")
        process.terminate()
        status = process.wait(timeout=30)

    assert status == 0
    assert "Traceback" not in log.read_text()


def test_an_api_refuses_a_role_that_sees_all_tenants(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """Exit code 78, with what helps: a supervisor need not try again."""
    with psycopg.connect(postgres.url) as conn:
        conn.execute("ALTER ROLE drumbeat_api BYPASSRLS")
    log = tmp_path / "api.log"
    with api(postgres.url, log, port=free_port()) as process:
        status = process.wait(timeout=60)

    assert status == 78
    assert log.read_text().startswith("drumbeat_api is not safe: it has BYPASSRLS: ALTER ROLE drumbeat_api")


def test_a_worker_waits_for_its_database(postgres: EmbeddedPostgres, vhost: Vhost, tmp_path: Path) -> None:
    """However long it takes: no worker is started meanwhile, so none dies of it."""
    postgres.stop()
    log = tmp_path / "worker.log"
    with worker(postgres.url, log, amqp_url=vhost.amqp_url) as process:
        wait_for(lambda: log.read_text().count(AWAITED) >= 2, "the worker to wait")
        again = start_postgres(tmp_path / "postgres", durable=False)
        try:
            wait_for(lambda: vhost.consumers(SENDER) == 1, "the worker to be ready")
            process.terminate()
            status = process.wait(timeout=60)
        finally:
            again.stop()

    assert status == 0
    assert "start PostgreSQL, or correct" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert "group.died" not in log.read_text()


def test_a_worker_that_waits_can_be_told_to_end(
    postgres: EmbeddedPostgres, vhost: Vhost, tmp_path: Path
) -> None:
    postgres.stop()
    log = tmp_path / "worker.log"
    with worker(postgres.url, log, amqp_url=vhost.amqp_url) as process:
        wait_for(lambda: AWAITED in log.read_text(), "the worker to wait")
        process.terminate()
        status = process.wait(timeout=30)

    assert status == 0
    assert "Traceback" not in log.read_text()


def test_a_worker_refuses_a_role_that_sees_all_tenants(
    postgres: EmbeddedPostgres, vhost: Vhost, tmp_path: Path
) -> None:
    with psycopg.connect(postgres.url) as conn:
        conn.execute("ALTER ROLE drumbeat_worker SUPERUSER")
    log = tmp_path / "worker.log"
    with worker(postgres.url, log, amqp_url=vhost.amqp_url) as process:
        status = process.wait(timeout=60)

    assert status == 78
    assert log.read_text().startswith("drumbeat_worker is not safe: it is a superuser")
