"""Feedback reports, as large providers send them when somebody presses the button for spam (RFC 5965)."""

_REPORT = """\
Return-Path: <feedback@mx.example.com>
From: <feedback@mx.example.com>
Date: Mon, 2 Mar 2026 12:00:00 +0000
Subject: FW: Welcome
To: <desk@sender.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
 boundary="part1_13d.2e68ed54_boundary"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report for an email message received from IP
192.0.2.1 on Mon, 2 Mar 2026 09:00:05 +0000. For more information about
this format please see https://www.rfc-editor.org/rfc/rfc5965.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

{fields}

--part1_13d.2e68ed54_boundary
Content-Type: {returned}
Content-Disposition: inline

Received: from mail.sender.example (mail.sender.example [192.0.2.1])
 by mx.example.com with ESMTP id M63d4137594e46;
 Mon, 2 Mar 2026 09:00:05 +0000
From: Desk <desk@sender.example>
To: <someone@example.test>
Subject: Welcome
Message-ID: {message_id}
In-Reply-To: <an-earlier-one@sender.example>
Date: Mon, 2 Mar 2026 09:00:00 +0000
Content-Type: text/plain

Hello, shall we talk?

--part1_13d.2e68ed54_boundary--
"""
_FIELDS = """\
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <desk@sender.example>
Original-Rcpt-To: <someone@example.test>
Arrival-Date: Mon, 2 Mar 2026 09:00:05 +0000
Reporting-MTA: dns; mx.example.com
Source-IP: 192.0.2.1
Reported-Domain: sender.example"""


def feedback_report(
    message_id: str, *, feedback: str | None = "abuse", returned: str = "message/rfc822"
) -> str:
    """Of that type, or without one, about the email with *message_id*; *returned* as that content type."""
    fields = _FIELDS if feedback is None else f"Feedback-Type: {feedback}\n{_FIELDS}"
    return _REPORT.format(fields=fields, returned=returned, message_id=message_id)
