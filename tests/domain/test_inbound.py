"""Inbound messages: replies, automatic ones, and delivery reports."""

import pytest

from domain.inbound import Inbound, InboundKind, NotAMessage, read_inbound

OURS = "<0190-5@sender.example>"
REPORT = """\
From: MAILER-DAEMON@mx.example
Return-Path: <>
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I could not deliver it.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; someone@example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {diagnosis}

--b
Content-Type: message/rfc822

Message-ID: <0190-5@sender.example>
Subject: Welcome

Hello
--b--
"""


def read(headers: str, body: str = "Thank you!") -> Inbound:
    return read_inbound(f"{headers}\n\n{body}\n".encode())


def report(*, action: str = "failed", status: str, diagnosis: str) -> Inbound:
    return read_inbound(REPORT.format(action=action, status=status, diagnosis=diagnosis).encode())


def test_a_reply_cites_what_it_answers_first() -> None:
    """In-Reply-To before References, and of these the last, which is nearest, first (RFC 5322 §3.6.4)."""
    reply = read(
        "From: Someone <Someone@Example.com>\nSubject: Re: Welcome\n"
        f"In-Reply-To: {OURS}\nReferences: <first@sender.example>\n <second@sender.example> {OURS}"
    )

    assert reply == Inbound(
        InboundKind.REPLY,
        (OURS, "<second@sender.example>", "<first@sender.example>"),
        "someone@example.com",
        "Re: Welcome",
    )


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; owner-email=x",
        "X-Autoreply: yes",
        "X-Autorespond: yes",
        "Precedence: auto_reply",
        "Return-Path: <>",
        "Subject: Out of Office: back on Monday",
        "Subject: Automatic reply: Welcome",
    ],
)
def test_a_machine_does_not_reply(header: str) -> None:
    """Signs of RFC 3834 and those in use."""
    assert read(f"From: someone@example.com\n{header}\nIn-Reply-To: {OURS}").kind is InboundKind.AUTO_REPLY


@pytest.mark.parametrize(
    "header", ["X-Auto-Response-Suppress: All", "Auto-Submitted: no", "Precedence: bulk"]
)
def test_a_person_behind_exchange_replies(header: str) -> None:
    """Ordinary mail carries these."""
    assert read(f"From: someone@example.com\n{header}\nIn-Reply-To: {OURS}").kind is InboundKind.REPLY


def test_an_unknown_address_bounces_hard() -> None:
    """The report returns the message, and so names the one that failed (RFC 3464)."""
    bounce = report(status="5.1.1", diagnosis="550 5.1.1 No such user here")

    assert (bounce.kind, bounce.cites) == (InboundKind.HARD_BOUNCE, (OURS,))
    assert (bounce.status, bounce.diagnosis) == ("5.1.1", "550 5.1.1 No such user here")


@pytest.mark.parametrize(
    ("status", "diagnosis"),
    [
        ("5.7.1", "550 5.7.1 Blocked as spam"),
        ("5.2.2", "552 5.2.2 Mailbox full"),
        ("4.4.7", "451 4.4.7 Expired"),
        ("5.0.0", "x-unknown"),
    ],
)
def test_other_failures_say_nothing_about_the_address(status: str, diagnosis: str) -> None:
    """Reputation, a full mailbox, a server that was away for days."""
    assert report(status=status, diagnosis=diagnosis).kind is InboundKind.BOUNCE


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_a_report_without_a_failure_is_a_notice(action: str) -> None:
    """Whatever its status says: only what failed is a bounce."""
    notice = report(action=action, status="5.1.1", diagnosis="550 No such user")

    assert (notice.kind, notice.cites) == (InboundKind.NOTICE, (OURS,))


def test_returned_headers_name_the_message_too() -> None:
    """Many servers return no body."""
    raw = REPORT.format(action="failed", status="5.1.1", diagnosis="550 5.1.1 No such user")
    headers_only = raw.replace("message/rfc822", "text/rfc822-headers")

    assert read_inbound(headers_only.encode()).cites == (OURS,)


def test_text_without_a_header_is_no_message() -> None:
    """Somebody handed in the body alone."""
    with pytest.raises(NotAMessage, match="There is no header"):
        read_inbound(b"\nThank you, I am not interested.\n")


@pytest.mark.parametrize(
    "raw", [b"From: \xff\xfe\nSubject: \x00", b"Content-Type: multipart/report\n\n", b"a: b"]
)
def test_strange_bytes_are_read_as_far_as_they_go(raw: bytes) -> None:
    """What strangers send must not raise anything else."""
    assert read_inbound(raw).cites == ()
