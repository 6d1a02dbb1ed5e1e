"""The log: one event per fact, and nothing in it that does not belong there."""

import json
import logging
import subprocess
import sys
from typing import Any

import psycopg
import pytest
import structlog

from app.logs import configure_logs


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With its level, the time in UTC, and what it was given."""
    configure_logs("json")

    structlog.get_logger().info("email.sent", attempt=1, ms=412)

    (event,) = events(capsys)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "email.sent", "level": "info", "attempt": 1, "ms": 412}


def test_libraries_write_into_the_same_log(capsys: pytest.CaptureFixture[str]) -> None:
    """With the name of the one that speaks; the talkative ones only from warnings on."""
    configure_logs("json")

    logging.getLogger("uvicorn.error").info("Started %s", "server")
    logging.getLogger("dramatiq.worker").info("not worth a line")
    logging.getLogger("dramatiq.worker").warning("worth a line")

    told = [(event["logger"], event["event"], event["level"]) for event in events(capsys)]
    assert told == [
        ("uvicorn.error", "Started server", "info"),
        ("dramatiq.worker", "worth a line", "warning"),
    ]


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither ours nor that of libraries."""
    configure_logs("json", level="WARNING")

    structlog.get_logger().info("email.sent")
    logging.getLogger("uvicorn.error").info("Started")
    structlog.get_logger().warning("email.failed")

    assert [event["event"] for event in events(capsys)] == ["email.failed"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str], log_format: Any) -> None:
    """A password in a local variable stays out of the log."""
    configure_logs(log_format)
    password = "".join(["hid", "den"])

    try:
        raise ValueError(f"{len(password)} characters")
    except ValueError:
        structlog.get_logger().exception("mailbox.check_failed")

    shown = capsys.readouterr().err
    assert "ValueError: 6 characters" in shown
    assert "hidden" not in shown


def test_auto_is_json_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard error is no terminal here."""
    configure_logs("auto")

    structlog.get_logger().info("clock.leads")

    assert events(capsys)[0]["event"] == "clock.leads"


def test_console_is_for_eyes(capsys: pytest.CaptureFixture[str]) -> None:
    """The event and what it was given, in a line."""
    configure_logs("console")

    structlog.get_logger().info("email.sent", attempt=1)

    assert "email.sent" in capsys.readouterr().err.replace("\n", "")


def test_a_refused_row_is_not_shown(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """PostgreSQL tells the values of a row that it refuses; the log tells which rule refused it."""
    configure_logs("json")
    nameless = "INSERT INTO workspaces (id, name, zone) VALUES (gen_random_uuid(), %s, NULL)"

    try:
        with psycopg.connect(database_url) as conn:
            conn.execute(nameless, ["".join(["hid", "den"])])
    except psycopg.Error:
        structlog.get_logger().exception("email.abandoned")

    (event,) = events(capsys)
    assert event["exception"].rpartition("\n")[2] == (
        'NotNullViolation: null value in column "zone" of relation "workspaces" violates not-null constraint'
        " (SQLSTATE 23502)"
    )
    assert "hidden" not in json.dumps(event)


_STAND_IN = """
import io, sys
from app.logs import configure_logs
import structlog
taken = sys.stderr = io.StringIO()
configure_logs("json", is_final=True)
structlog.get_logger().info("email.sent", reason=sys.argv[1])
sys.stdout.write(taken.getvalue())
"""


@pytest.mark.parametrize(("reason", "goes_straight"), [("accepted", True), ("a" * 5_000, False)])
def test_a_worker_writes_its_lines_itself(reason: str, goes_straight: bool) -> None:
    """Those that a pipe keeps whole; longer ones go where dramatiq has put its pipe in place of the error."""
    command = [sys.executable, "-c", _STAND_IN, reason]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)

    straight, detour = ended.stderr, ended.stdout
    assert json.loads(straight if goes_straight else detour)["reason"] == reason
    assert (detour if goes_straight else straight) == ""
