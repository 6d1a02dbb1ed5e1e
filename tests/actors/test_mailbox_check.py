"""Telling the owner of a mailbox whether its server lets us in, and why not."""

import pytest

from actors.endpoints import Endpoint, Undelivered
from actors.mailbox_check import MailboxCheck, check, explain
from domain.mailboxes import Security
from domain.replies import Fault, Reply, Stage
from tests.support.handovers import LOOPBACK
from tests.support.smtp_server import Answer, ScriptedSmtpServer, Trouble


async def test_a_mailbox_that_works_is_told_so() -> None:
    """The check connects, logs in, asks for a sign of life and leaves, without any email."""
    async with ScriptedSmtpServer(password="secret") as server:
        endpoint = Endpoint("127.0.0.1", server.port, Security.NONE, "me", "secret")

        found = await check(endpoint, allow=LOOPBACK)

    assert found == MailboxCheck(
        None, None, f"127.0.0.1 port {server.port} answered and took the login of me."
    )
    assert found.has_passed
    assert server.verbs() == ["EHLO", "AUTH", "NOOP", "QUIT"]


async def test_a_wrong_password_is_explained() -> None:
    """The reply is kept for machines, and the words say what to look at."""
    async with ScriptedSmtpServer(password="right") as server:
        found = await check(Endpoint("127.0.0.1", server.port, Security.NONE, "me", "wrong"), allow=LOOPBACK)

    assert (found.stage, found.answer) == (Stage.AUTH, Reply(535, "5.7.8 bad credentials"))
    assert not found.has_passed
    assert found.words == (
        f"127.0.0.1 port {server.port} refused the login of me: 535 5.7.8 bad credentials. "
        "Check user name and password; many providers want an app password here."
    )


@pytest.mark.parametrize("answer", ["451 4.3.0 no", Trouble.DROP, Trouble.HANG])
async def test_a_server_that_falls_silent_after_the_login_fails(answer: Answer) -> None:
    """A login alone is no proof that the server works."""
    async with ScriptedSmtpServer({"NOOP": answer}) as server:
        endpoint = Endpoint("127.0.0.1", server.port, Security.NONE)

        found = await check(endpoint, allow=LOOPBACK, timeout_s=0.2)

    assert (found.stage, found.answer) == (Stage.AUTH, Fault.DROPPED)
    assert found.words == f"127.0.0.1 port {server.port} closed the connection at AUTH."


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            Fault.REFUSED,
            "Nothing answers at mail.test port 465. Check host, port and firewalls.",
        ),
        (Fault.DNS, "The host mail.test does not exist. Check its spelling."),
        (Fault.TIMEOUT, "mail.test port 465 did not answer in time at CONNECT. Port 465 usually wants TLS."),
        (Fault.DROPPED, "mail.test port 465 closed the connection at CONNECT. Port 465 usually wants TLS."),
        (
            Fault.TLS_FAILED,
            "mail.test port 465 offers no encryption that works: why. Port 465 usually wants TLS.",
        ),
        (Fault.CERTIFICATE, "The certificate of mail.test port 465 does not vouch for mail.test: why."),
        (
            Fault.AUTH_UNAVAILABLE,
            "mail.test port 465 offers no login that Drumbeat knows (PLAIN, LOGIN, or XOAUTH2).",
        ),
        (Fault.BLOCKED_HOST, "Drumbeat does not connect to mail.test port 465: why."),
    ],
)
def test_every_fault_has_its_words(fault: Fault, words: str) -> None:
    """Each fault is a sentence that names the host and, where there is one, the cause."""
    endpoint = Endpoint("mail.test", 465, Security.STARTTLS)

    assert explain(endpoint, Undelivered(Stage.CONNECT, fault, "why.")) == words


def test_words_exist_for_all_faults() -> None:
    """A new fault without words would be a KeyError in front of a user."""
    endpoint = Endpoint("mail.test", 587, Security.TLS)

    for fault in Fault:
        assert "mail.test" in explain(endpoint, Undelivered(Stage.CONNECT, fault))


def test_the_wrong_kind_of_encryption_is_guessed_from_the_port() -> None:
    """On 587 implicit TLS is usually a mistake; on another port nothing is guessed."""
    failure = Undelivered(Stage.CONNECT, Fault.TIMEOUT)

    hinted = explain(Endpoint("mail.test", 587, Security.TLS), failure)
    plain = explain(Endpoint("mail.test", 2525, Security.TLS), failure)

    assert hinted == "mail.test port 587 did not answer in time at CONNECT. Port 587 usually wants STARTTLS."
    assert plain == "mail.test port 2525 did not answer in time at CONNECT."


def test_any_other_reply_is_quoted() -> None:
    """What the server said, where it said it, without a guess."""
    failure = Undelivered(Stage.CONNECT, Reply(554, "5.7.1 no service"))

    words = explain(Endpoint("mail.test", 587, Security.STARTTLS), failure)

    assert words == "mail.test port 587 answered CONNECT with: 554 5.7.1 no service"
