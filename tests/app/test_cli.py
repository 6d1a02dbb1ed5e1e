"""`drumbeat`: its commands, what they hand on, and how they refuse."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType

import psycopg
import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from api.schema import print_sdl
from app.cli import cli, main
from app.durations import written
from app.settings import Settings
from persistence.api_keys import authenticate
from persistence.database import Database, Role, libpq_url, open_database
from persistence.migrations import migrate, pending
from persistence.tables import workspaces

KEY = "0123456789abcdef0123456789abcdef"
Drumbeat = Callable[..., Result]


@pytest.fixture
def drumbeat(monkeypatch: pytest.MonkeyPatch, bare_environment: None) -> Drumbeat:
    """Run a command with these variables, on a terminal that is wide enough."""

    def run(*arguments: str, **variables: str) -> Result:
        for name, text in variables.items():
            monkeypatch.setenv(f"DRUMBEAT_{name}", text)
        return CliRunner(env={"COLUMNS": "200"}).invoke(cli, arguments)

    return run


class Recorded(ModuleType):
    """A module of the composition root that notes how it was called instead of running."""

    def __init__(self, function: str) -> None:
        super().__init__(function)
        self.calls: list[tuple[tuple[object, ...], dict[str, object]]] = []
        setattr(self, function, lambda *args, **kwargs: self.calls.append((args, kwargs)))


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Recorded]:
    def replace(module: str, function: str) -> Recorded:
        recorded = Recorded(function)
        monkeypatch.setitem(sys.modules, module, recorded)
        return recorded

    return replace


def test_every_command_is_listed_with_a_line_about_it(drumbeat: Drumbeat) -> None:
    """`drumbeat` alone says what there is."""
    shown = drumbeat("--help").stdout

    commands = re.findall(r"^│ (\w+) +[A-Z][\w,:]+ \w+", shown, re.MULTILINE)
    assert commands == [
        *("demo", "up", "migrate", "api", "worker", "clock"),
        *("doctor", "verify", "schema", "simulate", "workspace"),
    ]


def test_help_imports_nothing_heavy() -> None:
    """So that it answers at once: settings, database and GraphQL come when a command runs."""
    loaded = "import sys, app.cli; print(sorted({name.partition('.')[0] for name in sys.modules}))"

    command = [sys.executable, "-c", loaded]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    for heavy in ("pydantic", "sqlalchemy", "psycopg", "strawberry", "dramatiq", "structlog"):
        assert f"'{heavy}'" not in shown


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("up", ["data_dir", "api_port"]),
        ("api", ["api_host", "api_port"]),
        ("worker", ["worker_queues", "worker_processes", "worker_threads", "smtp_connections"]),
    ],
)
def test_an_option_tells_its_variable_and_default(
    drumbeat: Drumbeat, command: str, fields: list[str]
) -> None:
    """Those of the settings, written down again so that help is quick."""
    shown = drumbeat(command, "--help").stdout

    for field in fields:
        default = Settings.model_fields[field].default
        words = ",".join(default) if isinstance(default, tuple) else default
        assert f"[DRUMBEAT_{field.upper()}, default: {words}]" in shown


def test_the_worker_takes_its_options(drumbeat: Drumbeat, record: Callable[[str, str], Recorded]) -> None:
    """An option goes before the variable."""
    worker = record("app.worker", "run_worker")
    options = ["--queues", "sender", "-p", "2", "-t", "6", "--smtp-connections", "100", "--watch"]

    ran = drumbeat(
        *("worker", *options),
        DATABASE_URL="postgresql://db/x",
        AMQP_URL="amqp://mq",
        SECRET_KEY=KEY,
        WORKER_PROCESSES="9",
        RETRY_SCHEDULE="1s",
    )

    assert ran.exit_code == 0
    (((settings,), named),) = worker.calls
    assert isinstance(settings, Settings)
    assert settings.worker_queues == ("sender",)
    assert (settings.worker_processes, settings.worker_threads, settings.smtp_connections) == (2, 6, 100)
    assert [written(wait) for wait in settings.retry_schedule] == ["1s"]
    assert named == {"watch": True}


@pytest.mark.parametrize(
    ("command", "module", "function", "needs"),
    [
        ("api", "app.serving", "run_api", ["DATABASE_URL", "SECRET_KEY"]),
        ("worker", "app.worker", "run_worker", ["DATABASE_URL", "AMQP_URL", "SECRET_KEY"]),
        ("clock", "app.clock", "run_clock", ["DATABASE_URL", "AMQP_URL"]),
        ("up", "app.up", "run_up", []),
    ],
)
def test_a_process_needs_its_settings(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    record: Callable[[str, str], Recorded],
    bare_environment: None,
    command: str,
    module: str,
    function: str,
    needs: list[str],
) -> None:
    """Without them a line for each and exit code 78, nothing is started; `up` brings its own."""
    recorded = record(module, function)
    monkeypatch.setattr(sys, "argv", ["drumbeat", command])

    with pytest.raises(SystemExit) as ended:
        main()

    told = [line.split()[0] for line in capsys.readouterr().err.splitlines()]
    assert told == [f"DRUMBEAT_{name}" for name in needs]
    assert ended.value.code == (78 if needs else 0)
    assert len(recorded.calls) == (0 if needs else 1)


def test_the_demo_says_how_it_went(drumbeat: Drumbeat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is the exit code."""
    failing = ModuleType("app.demo")
    failing.__dict__["run_demo"] = lambda: 1
    monkeypatch.setitem(sys.modules, "app.demo", failing)

    assert drumbeat("demo").exit_code == 1


def test_migrate_says_what_it_ran(drumbeat: Drumbeat, empty_database: str) -> None:
    """And that there was nothing to do, the second time."""
    first = drumbeat("migrate", DATABASE_URL=empty_database)
    second = drumbeat("migrate")

    assert first.stdout == "migrated: 0001, 0002, 0003, 0004, 0005, 0006, 0007, 0008\n"
    assert second.stdout == "nothing to migrate: the database is current\n"
    assert pending(empty_database) == []


def test_migrate_refuses_a_newer_database(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    bare_environment: None,
    empty_database: str,
) -> None:
    """One line with the fix and exit code 78, no traceback."""
    migrate(empty_database)
    with psycopg.connect(libpq_url(empty_database), autocommit=True) as admin:
        admin.execute("UPDATE alembic_version SET version_num = '9999'")
    monkeypatch.setenv("DRUMBEAT_DATABASE_URL", empty_database)
    monkeypatch.setattr(sys, "argv", ["drumbeat", "migrate"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert capsys.readouterr().err == (
        "the database is at revision 9999, which this version does not know: "
        "upgrade this Drumbeat to the version that migrated the database\n"
    )
    assert ended.value.code == 78


def test_schema_prints_the_language_of_the_schema(drumbeat: Drumbeat) -> None:
    """And nothing else, so that it can be written into a file."""
    assert drumbeat("schema").stdout == print_sdl()


async def test_a_new_workspace_is_opened_by_its_key(
    drumbeat: Drumbeat, api_db: Database, worker_db: Database, database_url: str
) -> None:
    """Both are printed, the key this once."""
    made = await asyncio.to_thread(
        drumbeat,
        *("workspace", "create", "Welcome Ltd", "--zone", "Europe/Berlin"),
        DATABASE_URL=database_url,
    )

    workspace, key = (line.split()[1] for line in made.stdout.splitlines())
    identity = await authenticate(api_db, key)
    async with worker_db.transaction() as conn:
        rows = (await conn.execute(select(workspaces.c.id, workspaces.c.name, workspaces.c.zone))).all()
    assert identity is not None
    assert (str(identity.workspace_id), identity.name) == (workspace, "first key")
    assert [tuple(row) for row in rows] == [(identity.workspace_id, "Welcome Ltd", "Europe/Berlin")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["Welcome Ltd", "--zone", "Mars/Olympus"], "'Mars/Olympus' is no zone of the IANA database"),
        (["Welcome Ltd", "--zone", "../etc/passwd"], "'../etc/passwd' is no zone of the IANA database"),
        (["  "], "a workspace needs a name"),
    ],
)
async def test_a_workspace_is_not_made_of_nonsense(
    drumbeat: Drumbeat, database_url: str, arguments: list[str], words: str
) -> None:
    """A wrong use of the command; nothing is written."""
    refused = drumbeat("workspace", "create", *arguments, DATABASE_URL=database_url)

    database = open_database(database_url, Role.WORKER)
    async with database.transaction() as conn:
        rows = (await conn.execute(select(workspaces))).all()
    await database.aclose()
    assert words in refused.stderr
    assert (refused.exit_code, rows) == (2, [])
