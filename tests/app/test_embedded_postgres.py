"""The PostgreSQL that Drumbeat brings along, on real directories and with real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from app.embedded_postgres import EmbeddedPostgresFailed, start_postgres

pytestmark = pytest.mark.servers


def query(url: str, statement: str) -> TupleRow | None:
    """Run *statement* on a connection of its own and answer its first row, if it has rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchone() if cursor.description else None


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory made before, since making one is the slow part."""
    directory = tmp_path_factory.mktemp("made") / "postgres"
    start_postgres(directory, durable=False).stop()
    return directory


def test_the_next_start_finds_the_data_of_the_last(tmp_path: Path) -> None:
    """A table outlives stop and start; in between nobody answers."""
    first = start_postgres(tmp_path / "postgres")
    query(first.url, "create table letters as select 'Grüße' as subject")
    first.stop()
    with pytest.raises(psycopg.OperationalError):
        query(first.url, "select 1")

    second = start_postgres(tmp_path / "postgres")

    try:
        assert query(second.url, "select subject, upper('ü') from letters") == ("Grüße", "Ü")
    finally:
        second.stop()


@pytest.mark.parametrize(("durable", "expected"), [(True, "on on on"), (False, "off off off")])
def test_only_a_server_for_tests_gives_up_durability(data_dir: Path, *, durable: bool, expected: str) -> None:
    """What makes commits safe from power cuts is on, unless asked otherwise; the rest is the same."""
    server = start_postgres(data_dir, durable=durable)

    try:
        assert query(
            server.url,
            "select concat_ws(' ', current_setting('fsync'), current_setting('synchronous_commit'),"
            " current_setting('full_page_writes')), current_setting('max_connections'),"
            " current_setting('TimeZone'), current_setting('server_encoding')",
        ) == (expected, "200", "UTC", "UTF8")
    finally:
        server.stop()


def test_nobody_but_the_owner_can_reach_the_socket(data_dir: Path) -> None:
    """No TCP port is open, and the folder of the socket is closed to all others."""
    server = start_postgres(data_dir, durable=False)

    try:
        assert query(server.url, "show listen_addresses") == ("",)
        assert (data_dir / "cluster" / ".s.PGSQL.5432").is_socket()
        assert (data_dir / "cluster").stat().st_mode & 0o077 == 0
    finally:
        server.stop()


def test_a_directory_too_deep_for_a_socket_is_served_all_the_same(tmp_path: Path) -> None:
    """Socket paths end at 103 bytes; a data directory may lie deeper, and have any name."""
    server = start_postgres(tmp_path / ("deep & wide " * 10) / "postgres", durable=False)

    try:
        assert query(server.url, "select 1") == (1,)
    finally:
        server.stop()


def test_a_directory_in_use_is_refused_by_the_id_of_its_user(data_dir: Path) -> None:
    """A second start on a running directory names the process to stop, and the first goes on."""
    server = start_postgres(data_dir, durable=False)

    try:
        with pytest.raises(
            EmbeddedPostgresFailed, match=f"is in use by process {os.getpid()}: stop that first"
        ):
            start_postgres(data_dir)

        assert query(server.url, "select 1") == (1,)
    finally:
        server.stop()


LAUNCHER = """
import sys
from pathlib import Path
from app.embedded_postgres import start_postgres
print(start_postgres(Path(sys.argv[1])).url, flush=True)
sys.stdin.read()
"""

# Only Linux tells a process that its parent was killed.
ENDS = ["returns", "killed"] if sys.platform == "linux" else ["returns"]


@pytest.mark.parametrize("end", ENDS)
def test_the_server_ends_with_its_parent_and_keeps_the_data(tmp_path: Path, end: str) -> None:
    """However the parent ends, the server shuts down by itself; the next one finds every commit."""
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().decode().strip()
        query(url, "create table kept as select 42 as answer")

        if end == "killed":
            parent.send_signal(signal.SIGKILL)
        parent.communicate()

    successor = start_postgres(tmp_path)
    try:
        assert query(successor.url, "select answer from kept") == (42,)
        assert (tmp_path / "server.log").read_text().count("database system is shut down") == 1
    finally:
        successor.stop()


def test_a_stale_lock_file_of_a_killed_server_is_no_obstacle(data_dir: Path) -> None:
    """A `postmaster.pid` whose number is now that of this very process does not stop the start."""
    lock_file = data_dir / "cluster" / "postmaster.pid"
    lock_file.write_text(f"{os.getpid()}\n{lock_file.parent}\n1\n5432\n.\n\n\nready\n")

    server = start_postgres(data_dir, durable=False)

    try:
        assert query(server.url, "select 1") == (1,)
    finally:
        server.stop()


def test_a_killed_first_start_leaves_nothing_half_made(tmp_path: Path) -> None:
    """What an interrupted initdb left behind is thrown away."""
    (tmp_path / "postgres" / "cluster.unfinished" / "base").mkdir(parents=True)

    server = start_postgres(tmp_path / "postgres", durable=False)

    try:
        assert query(server.url, "select 1") == (1,)
        assert not (tmp_path / "postgres" / "cluster.unfinished").exists()
    finally:
        server.stop()


def test_the_last_words_of_the_server_are_the_error(data_dir: Path) -> None:
    """A start that fails says why, and ends nothing but itself: the directory can be tried again."""
    control_file = data_dir / "cluster" / "PG_VERSION"
    control_file.write_text("12\n")

    with pytest.raises(EmbeddedPostgresFailed, match=r"initialized by PostgreSQL version 12.*server\.log"):
        start_postgres(data_dir, durable=False)

    control_file.write_text("18\n")
    start_postgres(data_dir, durable=False).stop()


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """An unusable directory is one clear error, not a traceback from within."""
    (tmp_path / "postgres").write_text("a file")

    with pytest.raises(
        EmbeddedPostgresFailed, match=r"File exists: .*postgres'?: .*choose another data directory"
    ):
        start_postgres(tmp_path / "postgres")
