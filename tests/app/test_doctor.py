"""`drumbeat doctor`: the exact cause and the fix, a line each."""

import asyncio
import socket
from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner, Result

from app.cli import cli
from tests.support.rabbitmq import Vhost
from tests.support.smtp_server import ScriptedSmtpServer

KEY = "0123456789abcdef0123456789abcdef"
Doctor = Callable[..., Result]


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, bare_environment: None) -> Doctor:
    """Run it with these variables and options."""

    def run(*options: str, **variables: str) -> Result:
        for name, text in variables.items():
            monkeypatch.setenv(f"DRUMBEAT_{name}", text)
        return CliRunner(env={"COLUMNS": "200"}).invoke(cli, ["doctor", *options])

    return run


def changed(url: str, **parts: str) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]  # any part


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_all_is_well(doctor: Doctor, database_url: str, vhost: Vhost) -> None:
    """Five parts in order, exit code 0."""
    examined = doctor(DATABASE_URL=database_url, AMQP_URL=vhost.amqp_url, SECRET_KEY=KEY)

    lines = examined.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["✓", "settings"],
        ["✓", "database"],
        ["✓", "migrations"],
        ["✓", "roles"],
        ["✓", "broker"],
    ]
    assert lines[3] == "✓ roles        row-level security holds"
    assert examined.exit_code == 0


def test_nothing_is_set(doctor: Doctor) -> None:
    """The variables are named; what needs them is left out."""
    examined = doctor()

    assert examined.stdout.splitlines() == [
        "✗ settings     not set: DRUMBEAT_DATABASE_URL, DRUMBEAT_AMQP_URL, DRUMBEAT_SECRET_KEY",
        "               → set them as .env.example shows",
    ]
    assert examined.exit_code == 78


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("WORKER_THREAD", "did you mean DRUMBEAT_WORKER_THREADS?"),
        ("X", "unset it, or look for its name in .env.example"),
    ],
)
def test_a_misspelt_variable_is_found(
    doctor: Doctor, database_url: str, vhost: Vhost, name: str, remedy: str
) -> None:
    """It would be ignored in silence otherwise."""
    examined = doctor(DATABASE_URL=database_url, AMQP_URL=vhost.amqp_url, SECRET_KEY=KEY, **{name: "9"})

    assert examined.stdout.splitlines()[:2] == [
        f"✗ settings     DRUMBEAT_{name} is no setting",
        f"               → {remedy}",
    ]
    assert examined.exit_code == 78


def test_a_database_that_is_not_there(doctor: Doctor) -> None:
    """Nothing listens at its port."""
    examined = doctor(DATABASE_URL=f"postgresql://drumbeat@127.0.0.1:{free_port()}/drumbeat")

    assert examined.stdout.splitlines()[2:] == [
        examined.stdout.splitlines()[2],
        "               → start PostgreSQL, or correct host and port in DRUMBEAT_DATABASE_URL",
    ]
    assert "Connection refused" in examined.stdout
    assert examined.exit_code == 78


def test_a_host_that_does_not_exist(doctor: Doctor) -> None:
    """Reserved names have no address (RFC 6761 §6.4)."""
    examined = doctor(DATABASE_URL="postgresql://drumbeat@db.invalid/drumbeat")

    assert "failed to resolve host 'db.invalid'" in examined.stdout
    assert "→ correct the host in DRUMBEAT_DATABASE_URL" in examined.stdout


def test_a_database_name_that_does_not_exist(doctor: Doctor, postgres_url: str) -> None:
    """PostgreSQL's own words, without the address that stands before them."""
    name = f"missing_{uuid4().hex[:8]}"

    examined = doctor(DATABASE_URL=changed(postgres_url, database=name))

    assert examined.stdout.splitlines()[2:] == [
        f'✗ database     database "{name}" does not exist',
        "               → create the database, or correct its name in DRUMBEAT_DATABASE_URL",
    ]


def test_a_login_that_does_not_exist(doctor: Doctor, postgres_url: str) -> None:
    """Or a password that is wrong, where one is asked for."""
    name = f"stranger_{uuid4().hex[:8]}"

    examined = doctor(DATABASE_URL=changed(postgres_url, username=name, password="wrong"))

    assert (
        "→ correct the user name" in examined.stdout or "→ correct user name and password" in examined.stdout
    )
    assert examined.exit_code == 78


def test_migrations_are_missing(doctor: Doctor, postgres_url: str) -> None:
    """Every database has one that is called postgres, and nothing of ours in it."""
    examined = doctor(DATABASE_URL=changed(postgres_url, database="postgres"))

    assert examined.stdout.splitlines()[3:] == [
        "✗ migrations   8 are missing",
        "               → run `drumbeat migrate`",
    ]
    assert examined.exit_code == 78


def test_a_broker_that_is_not_there(doctor: Doctor) -> None:
    """Nothing listens at its port; its password is not shown."""
    port = free_port()

    examined = doctor(AMQP_URL=f"amqp://drumbeat:hidden@127.0.0.1:{port}/mail")

    assert f"✗ broker       RabbitMQ at 127.0.0.1:{port}/mail: nothing listens there" in examined.stdout
    assert "→ start RabbitMQ, or correct host and port in DRUMBEAT_AMQP_URL" in examined.stdout
    assert "hidden" not in examined.stdout
    assert examined.exit_code == 78


def test_a_broker_that_refuses_the_login(doctor: Doctor, vhost: Vhost) -> None:
    """The password is wrong."""
    examined = doctor(AMQP_URL=changed(vhost.amqp_url, password="wrong"))

    assert "it refuses the user name or the password" in examined.stdout
    assert "→ correct user name and password in DRUMBEAT_AMQP_URL" in examined.stdout


async def test_an_smtp_server_that_answers(doctor: Doctor) -> None:
    """On loopback, opened by the operator and in plain text by choice."""
    async with ScriptedSmtpServer() as server:
        options = ("--smtp", f"127.0.0.1:{server.port}", "--smtp-security", "none")
        examined = await asyncio.to_thread(doctor, *options, SMTP_ALLOW_NETWORKS="127.0.0.0/8")

    assert f"✓ smtp         127.0.0.1 port {server.port} answered." in examined.stdout.splitlines()
    assert server.letters == []


def test_an_smtp_server_that_is_not_there(doctor: Doctor) -> None:
    """In the words that the owner of a mailbox reads too."""
    port = free_port()

    examined = doctor("--smtp", f"127.0.0.1:{port}", SMTP_ALLOW_NETWORKS="127.0.0.0/8")

    assert f"✗ smtp         Nothing answers at 127.0.0.1 port {port}." in examined.stdout
    assert examined.exit_code == 78


@pytest.mark.parametrize(
    "address", ["smtp.example.com", "smtp.example.com:mail", ":25", "host:0", "host:65536"]
)
def test_an_smtp_address_without_a_port_is_refused(doctor: Doctor, address: str) -> None:
    """A wrong use of the command, before anything is looked at."""
    examined = doctor("--smtp", address)

    assert f"'{address}' is not like smtp.example.com:587" in examined.stderr
    assert examined.stdout == ""
    assert examined.exit_code == 2
