"""Headers and bodies as bytes, read back by the standard library."""

from email import message_from_bytes, message_from_string
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.mime import HeaderInjection, encoded_body, mailbox, message_ids, unstructured
from tests.domain.examples import examples

# Everything but control characters, the line ends of Unicode, and halves of characters.
SHOWN = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200)


def parsed(header: str) -> EmailMessage:
    message = message_from_bytes(header.encode("ascii") + b"\r\n\r\n", policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


@given(SHOWN)
@examples(2000)
@example("")
@example("a" * 998)
@example("word " * 60 + "end")
@example("a  b" * 50)
@example("=?utf-8?B?YQ==?=")
@example(" both ends ")
@example("é" * 200)
@example("👩‍🚀" * 60)
def test_any_subject_reads_back_the_same(subject: str) -> None:
    """Folded, encoded or plain; no line is longer than 78 but for one unbroken word."""
    header = unstructured("Subject", subject)

    assert parsed(header)["Subject"] == subject
    assert all(len(line) <= 78 for line in header.split("\r\n"))


def test_a_plain_subject_stays_readable() -> None:
    """What fits and is ASCII is written as it is; what is long is folded between words."""
    assert unstructured("Subject", "Quick question") == "Subject: Quick question"
    assert unstructured("Subject", "a" * 40 + " " + "b" * 40) == f"Subject: {'a' * 40}\r\n {'b' * 40}"


def test_an_encoded_subject_is_cut_between_characters() -> None:
    """RFC 2047 §5: each encoded word is whole UTF-8; §2: no line of them longer than 76."""
    header = unstructured("Subject", "é" * 30)

    assert header == (
        "Subject: =?utf-8?B?w6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6k=?="
        "\r\n =?utf-8?B?w6nDqcOpw6nDqcOpw6nDqcOpw6nDqQ==?="
    )


@given(SHOWN)
@examples(2000)
@example("Ada")
@example('Ada "Countess" \\ Lovelace, Inc.')
@example("Ada <eve@example.com>")
@example("=?utf-8?B?YQ==?=")
@example("Müller GmbH & Co. KG, Abteilung für besonders lange Namen im Absender")
@example("two  spaces")
def test_any_name_reads_back_the_same_and_leaves_the_address_alone(name: str) -> None:
    """Commas, quotes and angle brackets in a name are no second address."""
    header = mailbox("To", name, "ada@example.com")

    # The policies of Python 3.11 put a space between two encoded words of a name, against RFC 2047 §6.2.
    shown, address = parseaddr(str(message_from_string(header)["To"]).replace("\r\n", ""))
    assert (str(make_header(decode_header(shown))), address) == (name.strip(" "), "ada@example.com")
    assert [each.addr_spec for each in parsed(header)["To"].addresses] == ["ada@example.com"]
    assert all(len(line) <= 78 for line in header.split("\r\n"))


@pytest.mark.parametrize("name", [None, "", "  "])
def test_no_name_leaves_the_bare_address(name: str | None) -> None:
    """A mailbox or a contact may have none."""
    assert mailbox("From", name, "ann@example.com") == "From: ann@example.com"


def test_message_ids_are_written_one_a_line() -> None:
    """Twenty references stay far below the longest line."""
    assert message_ids("References", "<1@a.test>", "<2@a.test>") == "References: <1@a.test>\r\n <2@a.test>"


@pytest.mark.parametrize(
    "character", ["\r", "\n", "\r\nBcc: eve@example.com", "\x00", "\t", "\x7f", "\x85", "\u2028"]
)
def test_control_characters_in_a_header_are_refused(character: str) -> None:
    """And the error says in which header."""
    with pytest.raises(HeaderInjection) as subject:
        unstructured("Subject", f"Hi{character}there")
    with pytest.raises(HeaderInjection) as name:
        mailbox("From", f"Ann{character}", "ann@example.com")
    with pytest.raises(HeaderInjection) as address:
        mailbox("To", None, f"ada@example.com{character}")
    with pytest.raises(HeaderInjection) as message_id:
        message_ids("In-Reply-To", "<1@a.test>", f"<2@a.test>{character}")

    assert [each.value.header for each in (subject, name, address, message_id)] == [
        "Subject",
        "From",
        "To",
        "In-Reply-To",
    ]


@pytest.mark.parametrize(
    "address", ["", "ada", "a da@example.com", "ada@example.com>", "<ada@example.com", "é@a.test"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """Addresses are checked long before; this is the last door."""
    with pytest.raises(HeaderInjection):
        mailbox("To", "Ada", address)


@pytest.mark.parametrize("message_id", ["", "1@a.test", "<1@a.test> <2@a.test>", "<1>", "<é@a.test>"])
def test_what_is_no_message_id_is_refused(message_id: str) -> None:
    """Also two of them in one."""
    with pytest.raises(HeaderInjection):
        message_ids("Message-ID", message_id)


@given(st.text(max_size=500))
@examples(2000)
@example("")
@example(".")
@example("a\r\n.\r\n..b\n\n")
@example("trailing \ttab \t\n end ")
@example("From me\n--=_0\n")
@example("x" * 3_000)
@example("ж" * 3_000)
@example("a\rb\r\nc\nd\r\r\n")
@example("\x00\x0c\x1a")
def test_any_body_reads_back_the_same(text: str) -> None:
    """Up to the kind of line end, and a last one added; 7-bit, CRLF, short lines, no ``=_``."""
    encoding, body = encoded_body(text)

    message = message_from_bytes(
        b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: %b\r\n\r\n%b'
        % (encoding, body)
    )
    payload = message.get_payload(decode=True)
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert isinstance(payload, bytes)
    assert payload.decode().replace("\r\n", "\n") == (lines if lines.endswith("\n") else lines + "\n")
    assert body.isascii()
    assert b"=_" not in body
    assert body.endswith(b"\r\n")
    assert body.count(b"\n") == body.count(b"\r") == body.count(b"\r\n")
    assert all(len(line) <= 78 for line in body.split(b"\r\n"))


def test_the_shorter_transfer_encoding_is_taken() -> None:
    """Mostly ASCII stays readable in quoted-printable, other scripts take base64."""
    assert encoded_body("Grüße")[0] == b"base64"
    assert encoded_body("Viele Grüße aus Berlin") == (
        b"quoted-printable",
        b"Viele Gr=C3=BC=C3=9Fe aus Berlin\r\n",
    )
    assert encoded_body("Привет")[0] == b"base64"
