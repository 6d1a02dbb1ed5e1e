"""The API before its database is there, and with a role that it must not have."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from app.embedded_postgres import EmbeddedPostgres, start_postgres
from persistence.migrations import migrate
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
def api(url: str, log: Path, *, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """`drumbeat api` over the database *url*, writing to *log*; killed when the block ends."""
    environment = {
        "DRUMBEAT_DATABASE_URL": url,
        "DRUMBEAT_SECRET_KEY": SECRET_KEY,
        "DRUMBEAT_API_PORT": str(port),
        "DRUMBEAT_LOG_FORMAT": "json",
    }
    with (
        log.open("wb") as written,
        subprocess.Popen(
            [sys.executable, "-m", "app.cli", "api"],
            env=os.environ | environment,
            stdout=written,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_database_that_comes_later_is_waited_for(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
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


def test_who_waits_can_be_told_to_end(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """SIGTERM ends it as in order."""
    postgres.stop()
    log = tmp_path / "api.log"
    with api(postgres.url, log, port=free_port()) as process:
        wait_for(lambda: AWAITED in log.read_text(), "the API to wait")
        process.terminate()
        status = process.wait(timeout=30)

    assert status == 0
    assert "Traceback" not in log.read_text()


def test_a_role_that_sees_all_tenants_is_refused(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """Exit code 78, with what helps: a supervisor need not try again."""
    with psycopg.connect(postgres.url) as conn:
        conn.execute("ALTER ROLE drumbeat_api BYPASSRLS")
    log = tmp_path / "api.log"
    with api(postgres.url, log, port=free_port()) as process:
        status = process.wait(timeout=60)

    assert status == 78
    assert log.read_text().startswith("drumbeat_api is not safe: it has BYPASSRLS: ALTER ROLE drumbeat_api")
