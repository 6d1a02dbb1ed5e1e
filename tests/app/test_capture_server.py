"""The capture server, talked to over real connections."""

import json
import re
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.capture_server import Always, CaptureServer, Received, Refused, read_log

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LETTER = (
    b"Message-ID: <1@news.example.com>\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"\r\n"
    b".a line with a dot\r\n"
    b"8 bit: \xc3\xa9, and no UTF-8: \xff\r\n"
)


@contextmanager
def client(port: int) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as connection:
        yield connection


def received(recipient: str, *, authenticated_as: str | None = None) -> Received:
    return Received(
        at=NOON,
        sender="anna@example.com",
        recipient=recipient,
        message_id="<1@news.example.com>",
        subject="Grüße",
        content=LETTER,
        authenticated_as=authenticated_as,
    )


def test_what_is_accepted_is_kept_as_it_came(tmp_path: Path) -> None:
    """One record per recipient, in memory and in the log, at business time and byte for byte."""
    with (
        CaptureServer(clock=lambda: NOON, log=tmp_path / "mail.jsonl") as server,
        client(server.port) as smtp,
    ):
        smtp.sendmail("anna@example.com", ["bea@example.test", "cleo@example.test"], LETTER)

    expected = [received("bea@example.test"), received("cleo@example.test")]
    assert server.received == expected
    assert server.refused == []
    assert read_log(tmp_path / "mail.jsonl") == (expected, [])


def test_scripted_replies_are_given_in_order_and_then_it_accepts(tmp_path: Path) -> None:
    """Greylisting: two refusals, then the email; the address counts however it is written."""
    script = {"bea@example.test": ["451 4.7.1 Greylisted, try again", "452 4.2.2 Mailbox full"]}
    server = CaptureServer(clock=lambda: NOON, script=script, log=tmp_path / "mail.jsonl")
    with server, client(server.port) as smtp:
        smtp.ehlo()
        smtp.mail("anna@example.com")

        replies = [smtp.rcpt(to) for to in ("bea@example.test", "Bea@Example.test", "bea@example.test")]

        smtp.data(LETTER)

    assert replies == [
        (451, b"4.7.1 Greylisted, try again"),
        (452, b"4.2.2 Mailbox full"),
        (250, b"2.1.5 OK"),
    ]
    assert server.received == [received("bea@example.test")]
    assert server.refused == [
        Refused(NOON, "anna@example.com", "bea@example.test", "451 4.7.1 Greylisted, try again"),
        Refused(NOON, "anna@example.com", "Bea@Example.test", "452 4.2.2 Mailbox full"),
    ]
    assert read_log(tmp_path / "mail.jsonl") == (server.received, server.refused)


def test_a_permanent_refusal_never_ends() -> None:
    """`Always` answers the same for ever, and only to its recipient."""
    server = CaptureServer(script={"gone@example.test": Always("550 5.1.1 No such user")})
    with server, client(server.port) as smtp:
        smtp.ehlo()
        smtp.mail("anna@example.com")

        replies = {smtp.rcpt("gone@example.test") for _ in range(20)}

        assert replies == {(550, b"5.1.1 No such user")}
        assert smtp.rcpt("bea@example.test") == (250, b"2.1.5 OK")
    assert len(server.refused) == 20
    assert server.received == []


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_who_logged_in_is_kept(mechanism: str) -> None:
    """With credentials both mechanisms are offered without TLS, and the user's name is recorded."""
    with (
        CaptureServer(clock=lambda: NOON, credentials={"anna": "geheim"}) as server,
        client(server.port) as smtp,
    ):
        smtp.ehlo()
        assert smtp.esmtp_features["auth"].split() == ["LOGIN", "PLAIN"]
        smtp.user, smtp.password = "anna", "geheim"
        smtp.auth(mechanism, getattr(smtp, f"auth_{mechanism.lower()}"))

        smtp.sendmail("anna@example.com", ["bea@example.test"], LETTER)

    assert server.received == [received("bea@example.test", authenticated_as="anna")]


@pytest.mark.parametrize(("user", "password"), [("anna", "falsch"), ("bea", "geheim")])
def test_a_wrong_login_is_refused(user: str, password: str) -> None:
    """A wrong password and an unknown user get the same 535."""
    with (
        CaptureServer(clock=lambda: NOON, credentials={"anna": "geheim"}) as server,
        client(server.port) as smtp,
        pytest.raises(smtplib.SMTPAuthenticationError) as refusal,
    ):
        smtp.login(user, password)

    assert refusal.value.smtp_code == 535
    assert set(server.refused) == {Refused(NOON, None, None, "535 5.7.8 Authentication credentials invalid")}


def test_without_a_login_nothing_is_taken() -> None:
    """With credentials, MAIL before AUTH is refused."""
    with (
        CaptureServer(clock=lambda: NOON, credentials={"anna": "geheim"}) as server,
        client(server.port) as smtp,
    ):
        smtp.ehlo()

        assert smtp.mail("anna@example.com") == (530, b"5.7.0 Authentication required")

    assert server.refused == [Refused(NOON, "anna@example.com", None, "530 5.7.0 Authentication required")]


def test_without_credentials_no_login_is_offered() -> None:
    """A server that knows nobody does not ask who you are."""
    with CaptureServer() as server, client(server.port) as smtp:
        smtp.ehlo()

        assert not smtp.has_extn("auth")


def test_the_clock_may_be_awaited() -> None:
    """A clock that asks a database is awaited before the email is recorded."""

    async def clock() -> datetime:
        return NOON

    with CaptureServer(clock=clock) as server, client(server.port) as smtp:
        smtp.sendmail("anna@example.com", ["bea@example.test"], LETTER)

    assert [email.at for email in server.received] == [NOON]


def test_a_taken_port_is_an_error_at_once() -> None:
    """A second server on the same port fails to start, and the first goes on."""
    with CaptureServer() as server:
        with pytest.raises(OSError, match="address already in use"):
            CaptureServer(server.port).start()

        with client(server.port) as smtp:
            assert smtp.noop()[0] == 250


def test_a_stopped_server_hangs_up() -> None:
    """A connection that waits in somebody's pool sees the end, and nobody listens any more."""
    server = CaptureServer()
    server.start()
    idle = smtplib.SMTP("127.0.0.1", server.port, timeout=10)

    server.stop()

    with pytest.raises(smtplib.SMTPServerDisconnected):
        idle.noop()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", server.port, timeout=10)


def test_a_killed_server_has_logged_all_it_accepted(tmp_path: Path) -> None:
    """As a process of its own, with its script from a file; kill -9 loses nothing that got a 250."""
    log, script, credentials = (tmp_path / name for name in ("mail.jsonl", "script.json", "credentials.json"))
    script.write_text(
        json.dumps({"bea@example.test": ["451 Later"], "gone@example.test": "550 No such user"})
    )
    credentials.write_text(json.dumps({"anna": "geheim"}))
    options = ["--log", str(log), "--script", str(script), "--credentials", str(credentials)]
    with subprocess.Popen(
        [sys.executable, "-m", "app.capture_server", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            listening = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", process.stdout.readline())
            assert listening is not None
            with client(int(listening[1])) as smtp:
                smtp.login("anna", "geheim")
                smtp.mail("anna@example.com")
                replies = [
                    smtp.rcpt(to)[0] for to in ("bea@example.test", "gone@example.test", "bea@example.test")
                ]
                replies.append(smtp.data(LETTER)[0])

                process.send_signal(signal.SIGKILL)
                process.wait()
        finally:
            process.kill()

    accepted, refused = read_log(log)
    assert replies == [451, 550, 250, 250]
    assert [(email.recipient, email.content, email.authenticated_as) for email in accepted] == [
        ("bea@example.test", LETTER, "anna")
    ]
    assert [refusal.reply for refusal in refused] == ["451 Later", "550 No such user"]


def test_a_log_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    """Whoever waits for the first email may read before the server writes."""
    assert read_log(tmp_path / "mail.jsonl") == ([], [])
