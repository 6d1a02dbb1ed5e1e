"""Bodies that are encoded piece by piece, read back by the standard library."""

from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.bodies import BodyForm, QuotedValues
from domain.mime import encoded_body
from domain.templates import MissingValue, Template
from tests.domain.examples import examples

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
PIECES = ANY.map(lambda text: text.replace("{", "(").replace("}", ")"))
VALUES = ANY.filter(lambda text: text.strip() != "")


def write(template: str, values: list[str], *, html: bool = False) -> tuple[str, bytes]:
    form = BodyForm(Template.parse(template, html=html), subtype=b"html" if html else b"plain")
    return form.write({"custom": {f"v{n}": value for n, value in enumerate(values)}}, QuotedValues())


def parsed(part: bytes) -> tuple[Message, str]:
    message = message_from_bytes(part)
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return message, payload.decode()


@given(st.lists(st.tuples(PIECES, VALUES), max_size=4), PIECES, st.booleans())
@examples(1000)
@example([("Hello ", "Jörg")], ",\n", False)
@example([("", "ends with a line end\n")], "", False)
@example([("", "ends with a space ")], "\nnext", False)
@example([("a space and \t", " x")], " \t\n end ", False)
@example([("", "a\r"), ("\nb", "c\r\n")], "\n", False)
@example([("", "one"), ("", "other")], "", True)
@example([("x" * 75, "y" * 75)], "z" * 75, False)
@example([("x" * 76, "y" * 76)], "z" * 76, False)
@example([("Hello ", "Привет, как ваши дела? " * 5)], "", False)
@example([(".", ".")], "\n.\n", False)
@example([("_", "=_")], "_", True)
def test_any_body_reads_back_as_its_text(filled: list[tuple[str, str]], last: str, html: bool) -> None:
    """Wherever values stand in it and whatever they end with; in lines of 76 and 7-bit, without ``=_``."""
    template = "".join(f"{piece}{{{{ custom.v{n} }}}}" for n, (piece, _) in enumerate(filled)) + last

    text, part = write(template, [value for _, value in filled], html=html)

    message, read = parsed(part)
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert message.get_content_subtype() == ("html" if html else "plain")
    assert read.replace("\r\n", "\n") == (lines if lines.endswith("\n") else lines + "\n")
    body = part.partition(b"\r\n\r\n")[2]
    assert body.isascii()
    assert b"=_" not in body
    assert body.endswith(b"\r\n")
    assert body.count(b"\n") == body.count(b"\r") == body.count(b"\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 76


def test_values_are_set_between_soft_line_breaks() -> None:
    """The text around them is as it was encoded once."""
    fixed = "So far, so good.\n" * 8
    text, part = write(f"Hello {{{{ custom.v0 }}}},\n{fixed}{{{{ custom.v1 }}}} more.", ["Jörg", "9 €"])

    assert text == f"Hello Jörg,\n{fixed}9 € more."
    assert part == (
        b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
        b"Hello =\r\nJ=C3=B6rg=\r\n,\r\n" + b"So far, so good.\r\n" * 8 + b"9 =E2=82=AC=\r\n more.\r\n"
    )


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("{% if custom.v0 %}Hello {{ custom.v0 }}{% endif %}", ["Jörg"]),
        ("Hello {{ custom.v0 }}", ["two\r\nlines"]),
        ("{{ custom.v0 }}", ["Привет"]),
    ],
)
def test_what_cannot_be_set_in_is_encoded_as_a_whole(template: str, values: list[str]) -> None:
    """Conditions, other line ends, and texts that are shorter in base64."""
    text, part = write(template, values)

    encoding, body = encoded_body(text)
    message, _ = parsed(part)
    assert message["Content-Transfer-Encoding"] == encoding.decode()
    assert part.endswith(b"\r\n\r\n" + body)


def test_a_hole_is_refused() -> None:
    """As in any template."""
    with pytest.raises(MissingValue):
        write("Hello {{ custom.v0 }}", [])
