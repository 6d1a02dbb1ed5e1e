"""One server for all workers of a run, which never outlives it: shown with PostgreSQL."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import drop_database, make_database
from tests.support.processes import is_running

pytestmark = pytest.mark.servers

PROJECT = Path(__file__).parents[2]
TWO_TESTS_AT_ONCE = """
import time
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_one(number, postgres_url, worker_id, tmp_path_factory):
    urls = tmp_path_factory.getbasetemp().parent
    (urls / f"{worker_id}.url").write_text(postgres_url)
    while len(list(urls.glob("gw*.url"))) < 2:  # the other worker has it too
        time.sleep(0.01)
"""


def test_all_workers_share_one_server_that_ends_with_the_run(tmp_path: Path) -> None:
    """Two workers of one run get the same server; when the run is over it is gone, and so are its files."""
    (tmp_path / "test_twice.py").write_text(TWO_TESTS_AT_ONCE)
    plugins = ["-p", "tests.support.postgres", "-p", "no:cacheprovider"]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DRUMBEAT"))
    }

    run = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-n2", f"--basetemp={tmp_path / 'run'}", str(tmp_path)],
        env=environment | {"PYTHONPATH": str(PROJECT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "2 passed" in run.stdout
    urls = {(tmp_path / "run" / f"gw{number}.url").read_text() for number in (0, 1)}
    assert len(urls) == 1
    _await_gone(tmp_path / "run" / "postgres")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(urls.pop())


def test_a_killed_run_takes_its_server_along(tmp_path: Path) -> None:
    """The keeper of a server notices when the process of the run is killed, even if nobody reaps it."""
    run = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    directory = tmp_path / "postgres"
    directory.mkdir()
    command = [sys.executable, "-m", "tests.support.postgres", str(directory), str(run.pid)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout is not None
        url = re.search(r'"url": "([^"]+)"', keeper.stdout.readline())
        assert url is not None
        with psycopg.connect(url[1]) as connection:
            assert connection.execute("select 1").fetchone() == (1,)

        run.send_signal(signal.SIGKILL)

        assert keeper.wait(10) == 0
        assert is_running(run.pid) is False
    run.wait()
    assert not directory.exists()


def test_a_database_is_made_as_a_copy_and_dropped_from_under_its_users(postgres_url: str) -> None:
    """A copy has the rows of its template; dropping does not wait for open connections."""
    original = make_database(postgres_url, f"original_{os.getpid()}")
    with psycopg.connect(original) as connection:
        connection.execute("create table answers as select 42 as answer")

    copy = make_database(postgres_url, f"copy_{os.getpid()}", template=f"original_{os.getpid()}")

    reader = psycopg.connect(copy)
    assert reader.execute("select answer from answers").fetchone() == (42,)
    drop_database(postgres_url, f"copy_{os.getpid()}")
    drop_database(postgres_url, f"original_{os.getpid()}")
    with pytest.raises(psycopg.OperationalError):
        reader.execute("select 1")
    reader.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(copy)


def _await_gone(directory: Path) -> None:
    deadline = time.monotonic() + 10
    while directory.exists():
        assert time.monotonic() < deadline, f"{directory} is still there"
        time.sleep(0.02)
