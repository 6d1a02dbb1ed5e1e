"""`drumbeat verify`: every promise looked up in the rows, and in what a server received."""

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner
from typer.testing import Result as Ran

from app.captured_mail import Received, append_to_log
from app.cli import cli
from app.verification import states, verify
from domain.ids import EmailId
from domain.lifecycle import EmailEvent
from persistence.database import Database, Role, open_database
from persistence.results import Result
from persistence.settling import Settlement, resolve_in_doubt
from persistence.tables import scheduled_emails
from tests.persistence.delivery import NOW, Delivery, make_delivery

Verify = Callable[..., Ran]


@pytest.fixture
def run_verify(monkeypatch: pytest.MonkeyPatch, bare_environment: None, database_url: str) -> Verify:
    def run(*options: str) -> Ran:
        monkeypatch.setenv("DRUMBEAT_DATABASE_URL", database_url)
        return CliRunner(env={"COLUMNS": "200"}).invoke(cli, ["verify", *options])

    return run


async def two_sent(db: Database) -> tuple[Delivery, list[EmailId]]:
    delivery = await make_delivery(db, steps=((0, "Welcome", "Hello"),))
    sent = await delivery.due(2)
    for email_id in sent:
        await delivery.sent(email_id)
    return delivery, sent


def log_of(path: Path, *message_ids: str) -> Path:
    fd = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for message_id in message_ids:
        append_to_log(fd, Received(NOW, "from@example.com", "to@example.com", message_id, "", b"", None))
    os.close(fd)
    return path


async def broken(delivery: Delivery, against: Path | None = None) -> dict[str, tuple[int, tuple[str, ...]]]:
    found = [each async for each in verify(delivery.db, now=NOW, against=against)]
    return {each.name: (each.breach.count, each.breach.first) for each in found if each.breach.count}


async def test_a_server_that_received_what_is_sent(worker_db: Database, tmp_path: Path) -> None:
    """Nothing is broken, and the emails are counted by their status."""
    delivery, sent = await two_sent(worker_db)
    message_ids = [(await delivery.email(each)).message_id for each in sent]

    assert await broken(delivery, log_of(tmp_path / "log", *message_ids)) == {}
    assert await states(delivery.db) == {"SENT": 2}


async def test_a_server_that_knows_better(worker_db: Database, tmp_path: Path) -> None:
    """One email twice, one not at all, and one that never left."""
    delivery, sent = await two_sent(worker_db)
    first, second = [(await delivery.email(each)).message_id for each in sent]
    log = log_of(tmp_path / "log", first, first, "<other@example.com>")

    assert await broken(delivery, log) == {"the server's word": (3, (first, second, "<other@example.com>"))}


async def test_an_email_that_was_sent_again_may_have_arrived_twice(
    worker_db: Database, tmp_path: Path
) -> None:
    """Somebody wanted that; a third time nobody did."""
    delivery = await make_delivery(worker_db, steps=((0, "Welcome", "Hello"),))
    first, second = await delivery.due(2)
    lost = Result(await delivery.committed(first), EmailEvent.LOSE_SIGHT, "lost_after_dot")
    await delivery.end(lost)
    async with worker_db.transaction() as conn:
        await resolve_in_doubt(conn, delivery.workspace_id, first, Settlement.RESEND, now=NOW)
    for email_id in (first, second):
        await delivery.sent(email_id)
    once, again = [(await delivery.email(each)).message_id for each in (first, second)]

    twice = log_of(tmp_path / "twice", once, once, again)
    thrice = log_of(tmp_path / "thrice", once, once, once, again)

    assert await broken(delivery, twice) == {}
    assert await broken(delivery, thrice) == {"the server's word": (1, (once,))}


async def test_a_plan_that_would_move_by_itself(worker_db: Database) -> None:
    """An email beyond its mailbox's gap to the one before: the planner would have parted them."""
    delivery = await make_delivery(worker_db, steps=((0, "Welcome", "Hello"),))
    first, second = await delivery.due(2)
    for email_id in (first, second):
        later = NOW + timedelta(hours=1)
        await delivery.change(scheduled_emails, email_id, send_at=later)

    found = await broken(delivery)

    assert list(found) == ["settled plan"]
    assert found["settled plan"][0] == 1


def test_all_is_kept(run_verify: Verify) -> None:
    """A line for each promise, and what there is."""
    verified = run_verify()

    lines = verified.stdout.splitlines()
    assert verified.exit_code == 0
    assert all(line.startswith("✓") for line in lines[:-1])
    assert lines[-1] == "0 emails: none"


def test_one_is_broken(run_verify: Verify, database_url: str) -> None:
    """It is said by which rows, with exit code 1."""

    async def lie() -> str:
        database = open_database(database_url, Role.WORKER)
        delivery, (first, _) = await two_sent(database)
        await delivery.change(scheduled_emails, first, status="FAILED")
        await database.aclose()
        return str(first)

    liar = asyncio.run(lie())

    verified = run_verify()

    assert verified.exit_code == 1
    lines = verified.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("✗ at most once"))
    assert lines[at + 1].strip() == f"→ broken 1 times, by {liar}"


def test_a_log_that_is_not_there(run_verify: Verify, tmp_path: Path) -> None:
    """To compare with nothing would find nothing."""
    refused = run_verify("--against", str(tmp_path / "absent"))

    assert refused.exit_code == 2
    assert "is no file" in refused.stderr
