"""Letters: a step's templates and one contact make the bytes that go to the SMTP server."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from email.utils import format_datetime
from functools import lru_cache, partial
from typing import NamedTuple

from domain.bodies import BodyForm, QuotedValues
from domain.mime import HeaderInjection, mailbox, message_ids, unstructured
from domain.templates import Template, TemplateLimit
from domain.threads import Thread, new_message_id, references_after, reply_subject

__all__ = [
    "HeaderInjection",
    "Letter",
    "LetterForm",
    "Recipient",
    "Sender",
    "StepText",
    "Thread",
    "compile_letter",
    "new_message_id",
]

_LONGEST_SUBJECT = 998
# What may stand in angle brackets, with others beside it: visible ASCII without them and the comma.
_BRACKETED = re.compile(r"[!-+\--;=?-~]*")


class StepText(NamedTuple):
    """The templates of one step version."""

    subject: str
    text: str
    html: str | None


class Sender(NamedTuple):
    name: str | None
    address: str


class Recipient(NamedTuple):
    name: str | None
    address: str


class Letter(NamedTuple):
    """
    A rendered letter and what of it is stored.

    *content* is the whole message, 7-bit, with CRLF, not yet dot-stuffed. *references* is empty and
    *parent* None for the first letter of a thread.
    """

    message_id: str
    subject: str
    text: str
    html: str | None
    references: tuple[str, ...]
    parent: str | None
    sender_address: str
    recipient_address: str
    content: bytes

    @property
    def thread_root(self) -> str:
        """The Message-ID of the first email of the thread, which may be this one."""
        return self.references[0] if self.references else self.message_id


@lru_cache(maxsize=512)
def compile_letter(step_text: StepText) -> "LetterForm":
    """
    Parse the templates and lay out the parts that all recipients share.

    Raises:
        TemplateSyntaxError: From the first of subject, text, HTML that cannot be parsed.
    """
    return LetterForm(step_text)


class LetterForm:
    """One step version, ready to be filled in for any number of contacts."""

    __slots__ = ("_between", "_closing", "_html", "_opening", "_subject", "_text")

    def __init__(self, step_text: StepText) -> None:
        """Better `compile_letter`, which parses each step version only once."""
        self._subject = Template.parse(step_text.subject.strip())
        self._text = BodyForm(Template.parse(step_text.text), subtype=b"plain")
        self._html = None
        if step_text.html is not None:
            self._html = BodyForm(Template.parse(step_text.html, html=True), subtype=b"html")
        # "=_" occurs in no encoded body (RFC 2045 §6.7), so that nothing has to be searched for it.
        boundary = b"=_%b" % hashlib.sha256(step_text.text.encode()).hexdigest()[:16].encode()
        self._opening = b'Content-Type: multipart/alternative; boundary="%b"\r\n\r\n--%b\r\n' % (
            boundary,
            boundary,
        )
        self._between = b"\r\n--%b\r\n" % boundary
        self._closing = b"\r\n--%b--\r\n" % boundary

    def write(
        self,
        *,
        sender: Sender,
        recipient: Recipient,
        fields: Mapping[str, object],
        message_id: str,
        thread: Thread | None,
        unsubscribe_url: str | None,
        date: datetime,
    ) -> Letter:
        """
        Fill in the letter for one contact.

        *fields* are the contact's own, nested (``{"first_name": …, "custom": {…}}``); `email`, `sender`
        and `unsubscribe_url` come from the other arguments. *date* has a zone. With *thread*, it is a
        follow-up: the subject is the thread's and the step's own is not used.

        Raises:
            MissingValue: If a field without value and without `default` would be printed.
            TemplateError: For what else can go wrong in a template.
            HeaderInjection: If a value that goes into a header holds a control character.
        """
        values = {
            "email": recipient.address,
            **fields,
            "sender": {"name": sender.name, "email": sender.address},
            "unsubscribe_url": unsubscribe_url,
        }
        subject = reply_subject(thread.subject) if thread else self._subject.render(values)
        if len(subject) > _LONGEST_SUBJECT:
            raise TemplateLimit(f"a subject of more than {_LONGEST_SUBJECT} characters")
        quoted = QuotedValues()
        text, body = self._text.write(values, quoted)
        html = None
        if self._html is not None:
            html, alternative = self._html.write(values, quoted)
            body = b"".join((self._opening, body, self._between, alternative, self._closing))
        references = references_after(thread) if thread else ()
        headers = [
            _from_header(sender.name, sender.address),
            mailbox("To", recipient.name, recipient.address),
            unstructured("Subject", subject),
            _date_header(int(date.timestamp()), date.tzinfo),
            message_ids("Message-ID", message_id),
            *_thread_headers(thread, references),
            *_unsubscribe_headers(unsubscribe_url),
            "MIME-Version: 1.0\r\n",
        ]
        return Letter(
            message_id=message_id,
            subject=subject,
            text=text,
            html=html,
            references=references,
            parent=thread.parent if thread else None,
            sender_address=sender.address,
            recipient_address=recipient.address,
            content="\r\n".join(headers).encode("ascii") + body,
        )


@lru_cache(maxsize=64)
def _date_header(second: int, zone: tzinfo | None) -> str:
    """Kept, as hundreds of letters are written in one second."""
    return f"Date: {format_datetime(datetime.fromtimestamp(second, zone))}"


# Kept, as a mailbox writes many letters.
_from_header = lru_cache(maxsize=4_096)(partial(mailbox, "From"))


def _thread_headers(thread: Thread | None, references: tuple[str, ...]) -> tuple[str, ...]:
    if thread is None:
        return ()
    return message_ids("In-Reply-To", thread.parent), message_ids("References", *references)


def _unsubscribe_headers(url: str | None) -> tuple[str, ...]:
    """RFC 8058 §3.1 wants one HTTPS URI; over plain HTTP there is only the header of RFC 2369."""
    if url is None:
        return ()
    if not _BRACKETED.fullmatch(url):
        raise HeaderInjection("List-Unsubscribe")
    if url.startswith("https://"):
        return f"List-Unsubscribe: <{url}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    return (f"List-Unsubscribe: <{url}>",)
