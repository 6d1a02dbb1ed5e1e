"""Inbound messages: what came back to a mailbox, which of our emails it is about, and what it says."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from email.utils import parseaddr
from enum import StrEnum

from domain.delivery import Outcome, verdict
from domain.replies import Reply, Stage

_MESSAGE_ID = re.compile(r"<[^<>\s]+@[^<>\s]+>")
_STATUS = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
_BASIC_CODE = re.compile(r"^\s*([45]\d\d)\b")
_RETURNED = frozenset({"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"})
# Of feedback reports these alone are no complaints (RFC 6430, RFC 6591; and what a scanner finds, RFC 5965).
_NO_COMPLAINTS = frozenset({"not-spam", "auth-failure", "virus"})
_AUTO_SUBJECT = re.compile(
    r"\s*(?:out of (?:the )?office|auto(?:matic)?[ -]?(?:reply|response))\b", re.IGNORECASE
)


class InboundKind(StrEnum):
    """What a message is to us, told apart by RFC 3464, RFC 3834 and RFC 5965."""

    REPLY = "REPLY"
    AUTO_REPLY = "AUTO_REPLY"
    HARD_BOUNCE = "HARD_BOUNCE"
    """The address does not exist, or takes no mail."""
    BOUNCE = "BOUNCE"
    """Not delivered for another reason, which need not last."""
    COMPLAINT = "COMPLAINT"
    """The recipient called it spam, or wants no more, by a feedback report."""
    NOTICE = "NOTICE"
    """A report without a failure or a complaint: delayed, relayed, delivered; taken for no spam after all."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """
    One message that came in.

    *cites* are the Message-IDs that it names, the email that it answers first. *sender* is the address in
    From, in lower case, empty if there is none. *status* is a delivery report's, such as ``5.1.1``;
    *diagnosis* the server's words in it, or the type of a feedback report, such as ``abuse``.
    """

    kind: InboundKind
    cites: tuple[str, ...]
    sender: str
    subject: str
    status: str | None = None
    diagnosis: str | None = None


class NotAMessage(ValueError):
    """The text has no header fields, so it is no message (RFC 5322 §2.1)."""


def read_inbound(raw: bytes) -> Inbound:
    """
    Read a message as it arrived (RFC 5322), headers and body.

    Raises:
        NotAMessage: If it has no header.
    """
    message = message_from_bytes(raw, policy=policy.compat32)
    if not message.keys():
        raise NotAMessage("There is no header: hand in the message as it arrived, headers first.")
    sender, subject = _sender(message), _text(message, "Subject")
    if _is_report(message, "message/feedback-report"):
        return _feedback(message, sender=sender, subject=subject)
    if _is_report(message, "message/delivery-status"):
        return _report(message, sender=sender, subject=subject)
    kind = InboundKind.AUTO_REPLY if _is_automatic(message, subject) else InboundKind.REPLY
    return Inbound(kind, _answered(message), sender, subject)


def _text(message: Message, header: str) -> str:
    return " ".join(str(message.get(header, "")).split())


def _sender(message: Message) -> str:
    return parseaddr(_text(message, "From"))[1].lower()


def _answered(message: Message) -> tuple[str, ...]:
    """What *message* answers: In-Reply-To, then References from the last back to the first."""
    answered = _MESSAGE_ID.findall(_text(message, "In-Reply-To"))
    earlier = reversed(_MESSAGE_ID.findall(_text(message, "References")))
    return tuple(dict.fromkeys([*answered, *earlier]))


def _is_automatic(message: Message, subject: str) -> bool:
    """
    Whether no person wrote it (RFC 3834 §2, §5).

    Not X-Auto-Response-Suppress, which ordinary mail of Exchange carries.
    """
    submitted = _text(message, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or "X-Autoreply" in message
        or "X-Autorespond" in message
        or _text(message, "Precedence").lower() == "auto_reply"
        or _text(message, "Return-Path") == "<>"
        or bool(_AUTO_SUBJECT.match(subject))
    )


def _is_report(message: Message, kind: str) -> bool:
    return message.get_content_type() == "multipart/report" and any(
        part.get_content_type() == kind for part in message.walk()
    )


def _feedback(message: Message, *, sender: str, subject: str) -> Inbound:
    """
    A feedback report (RFC 5965): about the email that its third part returns, whole or the header alone.

    A type that nobody has heard of is a complaint: one more email would do more harm than one less.
    """
    types = (_text(block, "Feedback-Type").lower() for block in _fields(message, "message/feedback-report"))
    said = next(filter(None, types), None)
    kind = InboundKind.NOTICE if said in _NO_COMPLAINTS else InboundKind.COMPLAINT
    return Inbound(kind, tuple(_returned_ids(message)), sender, subject, diagnosis=said)


def _report(message: Message, *, sender: str, subject: str) -> Inbound:
    """A delivery status notification (RFC 3464); of several recipients the first that failed."""
    recipients = [block for block in _fields(message, "message/delivery-status") if "Action" in block]
    failed = next((block for block in recipients if _text(block, "Action").lower() == "failed"), None)
    cites = tuple(_returned_ids(message)) or _answered(message)
    if failed is None:
        return Inbound(InboundKind.NOTICE, cites, sender, subject)
    found = _STATUS.search(_text(failed, "Status"))
    status = found.group() if found else None
    diagnosis = _text(failed, "Diagnostic-Code").partition(";")[2].strip() or None
    return Inbound(_kind_of_bounce(status, diagnosis), cites, sender, subject, status, diagnosis)


def _fields(message: Message, kind: str) -> Iterator[Message]:
    """
    The groups of fields of a report's part of that *kind*: of a delivery one of the message, then one per
    recipient (RFC 3464 §2.1), of feedback one (RFC 5965 §2).
    """
    for part in message.walk():
        if part.get_content_type() == kind:
            payload: object = part.get_payload()
            for block in payload if isinstance(payload, Sequence) else ():
                if isinstance(block, Message):
                    yield block


def _returned_ids(message: Message) -> Iterator[str]:
    for part in message.walk():
        if part.get_content_type() in _RETURNED:
            payload: object = part.get_payload()
            headers = payload[0] if isinstance(payload, list) and payload else payload
            if isinstance(headers, Message):
                yield from _MESSAGE_ID.findall(_text(headers, "Message-ID"))
            elif isinstance(headers, str):
                found = re.search(r"^Message-ID:\s*(<[^<>\s]+>)", headers, re.IGNORECASE | re.MULTILINE)
                if found:
                    yield found.group(1)


def _kind_of_bounce(status: str | None, diagnosis: str | None) -> InboundKind:
    """As the same words are judged when a server says them at once."""
    said = _BASIC_CODE.match(diagnosis or "")
    code = int(said.group(1)) if said else 450 if (status or "").startswith("4") else 550
    judged = verdict(Stage.DOT, Reply(code, " ".join(part for part in (status, diagnosis) if part)))
    return InboundKind.HARD_BOUNCE if judged.outcome is Outcome.HARD_BOUNCE else InboundKind.BOUNCE
