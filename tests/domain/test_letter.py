"""Letters, read back by the standard library's parser."""

from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.letter import (
    HeaderInjection,
    Letter,
    LetterForm,
    Recipient,
    Sender,
    StepText,
    Thread,
    compile_letter,
)
from domain.templates import MissingValue, TemplateLimit, TemplateSyntaxError

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone(timedelta(hours=1)))
URL = "https://u.example.com/u/" + "x" * 86
BOTH = StepText(
    subject="A question for {{ company }}",
    text="Hi {{ first_name }},\n\n{{ custom.note | default: '-' }}\n\n{{ sender.name }}\n"
    "{{ unsubscribe_url }}",
    html='<p>Hi {{ first_name }}</p><p>{{ email }}</p><a href="{{ unsubscribe_url }}">stop</a>',
)
PLAIN = StepText(subject="Hello", text="Hi {{ first_name }}", html=None)
FIELDS: dict[str, object] = {"first_name": "Ada", "company": "Bolt & Co"}


def write(form: LetterForm, **changed: object) -> Letter:
    arguments: dict[str, object] = {
        "sender": Sender("Ann Sender", "ann@mail.example.com"),
        "recipient": Recipient("Ada Recipient", "ada@example.com"),
        "fields": FIELDS,
        "message_id": "<1@mail.example.com>",
        "thread": None,
        "unsubscribe_url": URL,
        "date": NOON,
    }
    return form.write(**(arguments | changed))  # type: ignore[arg-type]  # each test changes a few by name


def parsed(letter: Letter) -> EmailMessage:
    message = message_from_bytes(letter.content, policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert isinstance(part, EmailMessage)
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def test_a_letter_has_the_headers_of_one_and_no_others() -> None:
    """Every header once, the date in the given zone, no Auto-Submitted and no Bcc."""
    message = parsed(write(compile_letter(BOTH)))

    assert {name: str(value) for name, value in message.items()} == {
        "From": "Ann Sender <ann@mail.example.com>",
        "To": "Ada Recipient <ada@example.com>",
        "Subject": "A question for Bolt & Co",
        "Date": "Mon, 02 Mar 2026 12:00:00 +0100",
        "Message-ID": "<1@mail.example.com>",
        "List-Unsubscribe": f"<{URL}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }
    assert len(message.items()) == 9
    assert message["Date"].datetime == NOON


def test_text_and_html_are_alternatives_text_first() -> None:
    """RFC 2046 §5.1.4: the best comes last."""
    letter = write(compile_letter(BOTH))

    message = parsed(letter)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert letter.text == f"Hi Ada,\n\n-\n\nAnn Sender\n{URL}"
    assert letter.html == f'<p>Hi Ada</p><p>ada@example.com</p><a href="{URL}">stop</a>'
    assert body(message, "plain") == letter.text + "\n"
    assert body(message, "html") == letter.html + "\n"


def test_a_letter_without_html_is_plain_text() -> None:
    """No empty alternative is made up."""
    letter = write(compile_letter(PLAIN))

    message = parsed(letter)
    assert message.get_content_type() == "text/plain"
    assert body(message, "plain") == "Hi Ada\n"
    assert letter.html is None


def test_what_is_stored_is_what_was_written() -> None:
    """The first letter of a thread is its own root."""
    letter = write(compile_letter(PLAIN))

    assert (letter.message_id, letter.subject, letter.text) == ("<1@mail.example.com>", "Hello", "Hi Ada")
    assert (letter.references, letter.parent, letter.thread_root) == ((), None, "<1@mail.example.com>")
    assert (letter.sender_address, letter.recipient_address) == ("ann@mail.example.com", "ada@example.com")


def test_a_follow_up_continues_the_thread_under_its_stored_subject() -> None:
    """In-Reply-To, References and one Re:; the step's own subject, here with a hole, is not used."""
    thread = Thread("<2@mail.example.com>", ("<1@mail.example.com>",), "AW: Größe")
    form = compile_letter(StepText("{{ phone }}", "Hi {{ first_name }}", None))

    letter = write(form, thread=thread, message_id="<3@mail.example.com>")

    message = parsed(letter)
    assert message["In-Reply-To"] == "<2@mail.example.com>"
    assert message["References"] == "<1@mail.example.com> <2@mail.example.com>"
    assert message["Subject"] == letter.subject == "Re: Größe"
    assert (letter.parent, letter.thread_root) == ("<2@mail.example.com>", "<1@mail.example.com>")
    assert letter.references == ("<1@mail.example.com>", "<2@mail.example.com>")


def test_one_click_is_offered_only_over_https() -> None:
    """RFC 8058 §3.1 demands one HTTPS URI; without a URL there is no header at all."""
    form = compile_letter(PLAIN)

    plain = parsed(write(form, unsubscribe_url="http://localhost:8000/u/x"))
    none = parsed(write(form, unsubscribe_url=None))

    assert plain["List-Unsubscribe"] == "<http://localhost:8000/u/x>"
    assert plain["List-Unsubscribe-Post"] is None
    assert none["List-Unsubscribe"] is None
    assert none["List-Unsubscribe-Post"] is None


SHOWN = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=80)
VALUES = SHOWN.filter(lambda text: text.strip() != "")
BODIES = st.text(min_size=1, max_size=300).filter(lambda text: text.strip() != "")


@given(subject=VALUES, text=BODIES, html=st.none() | BODIES, first_name=VALUES)
@example(subject="=?utf-8?Q?x?=", text="--=_0\r\n.\r\n", html="--\n" * 40, first_name="a" * 80)
@example(subject="é " * 40, text=".", html="<p>ж</p>" * 30, first_name="{{ company }}")
def test_every_letter_reads_back_as_it_was_meant(
    subject: str, text: str, html: str | None, first_name: str
) -> None:
    """Subject, bodies and addresses survive; the bytes are 7-bit, CRLF, and no line is too long."""
    form = compile_letter(
        StepText(
            "{{ custom.subject }}", "{{ custom.text }}", None if html is None else "<b>{{ custom.html }}</b>"
        )
    )
    fields = {"custom": {"subject": subject, "text": text, "html": html}}

    letter = write(form, fields=fields, recipient=Recipient(first_name, "ada@example.com"))

    message = parsed(letter)
    assert message["Subject"] == letter.subject == subject
    assert [address.addr_spec for address in message["To"].addresses] == ["ada@example.com"]
    assert [address.addr_spec for address in message["From"].addresses] == ["ann@mail.example.com"]
    assert body(message, "plain") == as_received(letter.text)
    if letter.html is not None:
        assert body(message, "html") == as_received(letter.html)
    assert letter.content.isascii()
    assert letter.content.count(b"\n") == letter.content.count(b"\r") == letter.content.count(b"\r\n")
    assert max(len(line) for line in letter.content.split(b"\r\n")) <= 998


def as_received(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return lines if lines.endswith("\n") else lines + "\n"


def test_a_line_break_around_the_authors_subject_is_dropped_but_not_one_in_a_value() -> None:
    """Editors add the first; the second is an injection, and nothing is written."""
    form = compile_letter(StepText("Hello {{ company }}\n", "Hi", None))

    assert write(form).subject == "Hello Bolt & Co"
    with pytest.raises(HeaderInjection) as injection:
        write(form, fields={"company": "Bolt\r\nBcc: eve@example.com"})

    assert injection.value.header == "Subject"


@pytest.mark.parametrize(
    ("changed", "header"),
    [
        ({"sender": Sender("Ann\nBcc: eve@example.com", "ann@mail.example.com")}, "From"),
        ({"sender": Sender("Ann", "ann@mail.example.com\r\nBcc: eve@example.com")}, "From"),
        ({"recipient": Recipient("Ada\r", "ada@example.com")}, "To"),
        ({"recipient": Recipient("Ada", "ada@example.com>, <eve@example.com")}, "To"),
        ({"message_id": "<1@a.test>\r\nBcc: eve@example.com"}, "Message-ID"),
        ({"thread": Thread("<1@a.test>\n", (), "Hi")}, "In-Reply-To"),
        ({"thread": Thread("<1@a.test>", ("<0@a.test>\n",), "Hi")}, "References"),
        ({"thread": Thread("<1@a.test>", (), "Hi\nBcc: eve@example.com")}, "Subject"),
        ({"unsubscribe_url": "https://u.test/\r\nBcc: eve@example.com"}, "List-Unsubscribe"),
        ({"unsubscribe_url": "https://u.test/>, <mailto:eve@example.com"}, "List-Unsubscribe"),
        ({"unsubscribe_url": "https://ü.test/"}, "List-Unsubscribe"),
    ],
)
def test_no_header_can_be_smuggled_in(changed: dict[str, object], header: str) -> None:
    """Whichever value it comes by, the error names the header."""
    with pytest.raises(HeaderInjection) as injection:
        write(compile_letter(PLAIN), **changed)

    assert injection.value.header == header


def test_a_hole_in_any_part_stops_the_letter() -> None:
    """Subject, text and HTML alike; an unsubscribe link that is not there is a hole, too."""
    for step_text, variable in (
        (StepText("{{ phone }}", "x", None), "phone"),
        (StepText("x", "{{ custom.plan }}", None), "custom.plan"),
        (StepText("x", "x", "{{ unsubscribe_url }}"), "unsubscribe_url"),
        (StepText("x", "{{ sender.name }}", None), "sender.name"),
    ):
        with pytest.raises(MissingValue) as missing:
            write(
                compile_letter(step_text), unsubscribe_url=None, sender=Sender(None, "ann@mail.example.com")
            )
        assert missing.value.variable == variable


def test_a_subject_has_an_end() -> None:
    """998 characters are more than anyone reads."""
    form = compile_letter(StepText("{{ company }}", "x", None))

    assert len(write(form, fields={"company": "é" * 998}).subject) == 998
    with pytest.raises(TemplateLimit):
        write(form, fields={"company": "é" * 999})


def test_a_step_version_is_parsed_once() -> None:
    """The same texts give the same form; a broken one is no form."""
    again = StepText(BOTH.subject, BOTH.text, BOTH.html)

    assert compile_letter(again) is compile_letter(BOTH)
    with pytest.raises(TemplateSyntaxError):
        compile_letter(StepText("{{", "x", None))


def test_a_letter_written_twice_is_the_same_letter() -> None:
    """Every attempt sends the same bytes, but for the date."""
    form = compile_letter(BOTH)

    first, second, later = write(form), write(form), write(form, date=datetime(2026, 3, 2, 12, 0, tzinfo=UTC))

    assert first == second
    assert later.content == first.content.replace(b"12:00:00 +0100", b"12:00:00 +0000")
