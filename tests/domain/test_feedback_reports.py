"""Feedback reports: who called an email spam, and who did not."""

import pytest

from domain.inbound import Inbound, InboundKind, read_inbound
from tests.support.feedback import feedback_report

OURS = "<0190-5@sender.example>"


def read(report: str) -> Inbound:
    return read_inbound(report.encode())


@pytest.mark.parametrize("feedback", ["abuse", "Abuse", "fraud", "opt-out", "other", "miscategorized"])
def test_whoever_reports_an_email_complains(feedback: str) -> None:
    """By whatever name; the email is that of the third part, and not what it answered (RFC 5965 §2)."""
    complaint = read(feedback_report(OURS, feedback=feedback))

    assert complaint == Inbound(
        InboundKind.COMPLAINT,
        (OURS,),
        "feedback@mx.example.com",
        "FW: Welcome",
        diagnosis=feedback.lower(),
    )


@pytest.mark.parametrize("feedback", ["not-spam", "auth-failure", "virus"])
def test_reports_of_machines_and_of_no_spam_are_notices(feedback: str) -> None:
    """RFC 6430 takes a complaint back; signatures and scanners are no recipient's word."""
    notice = read(feedback_report(OURS, feedback=feedback))

    assert (notice.kind, notice.cites, notice.diagnosis) == (InboundKind.NOTICE, (OURS,), feedback)


@pytest.mark.parametrize("returned", ["text/rfc822-headers", "message/rfc822", "message/global"])
def test_the_email_is_returned_whole_or_by_its_header(returned: str) -> None:
    """Many providers keep the text for themselves."""
    assert read(feedback_report(OURS, returned=returned)).cites == (OURS,)


def test_a_report_without_a_type_is_a_complaint() -> None:
    """Malformed (RFC 5965 §3.1), and somebody sent it for a reason."""
    complaint = read(feedback_report(OURS, feedback=None))

    assert (complaint.kind, complaint.diagnosis) == (InboundKind.COMPLAINT, None)


def test_a_report_that_hides_the_email_is_about_none() -> None:
    """Some providers strike out what could tell who complained."""
    assert read(feedback_report("[redacted]")).cites == ()


def test_a_report_that_somebody_forwards_is_no_report() -> None:
    """A person wrote it, with the report attached."""
    forwarded = read(
        "From: someone@example.com\nSubject: Fwd: FW: Welcome\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="outer"\n\n'
        "--outer\nContent-Type: text/plain\n\nWhat is this?\n"
        f"--outer\nContent-Type: message/rfc822\n\n{feedback_report(OURS)}\n--outer--\n"
    )

    assert (forwarded.kind, forwarded.cites) == (InboundKind.REPLY, ())


@pytest.mark.parametrize(
    "body",
    [
        "",
        "--b\nContent-Type: message/feedback-report\n\n",
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type\x00: \xff\n",
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b\nContent-Type: text/x\n",
        "--b\nContent-Type: message/feedback-report\nContent-Transfer-Encoding: base64\n\n???",
    ],
)
def test_reports_cut_anywhere_are_read_as_far_as_they_go(body: str) -> None:
    """What strangers send must not raise."""
    head = (
        'From: a@example.com\nContent-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
    )

    assert read(head + body).cites == ()
