"""Headers and bodies as bytes: 7-bit, CRLF, lines that every server takes."""

import base64
import binascii
import re

# C0, DEL, C1, the line ends of Unicode, and halves of characters, which have no bytes.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ADDRESS = re.compile(r"[!#-'*+\-./0-9=?A-Z^_`a-z{|}~]+@[A-Za-z0-9.-]+")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
_ATOMS = re.compile(r"[!#-'*+\-/0-9=?A-Z^_`a-z{|}~]+(?: [!#-'*+\-/0-9=?A-Z^_`a-z{|}~]+)*")
_LINE_END = re.compile(r"\r\n|\r|\n")

_LINE = 78  # RFC 5322 §2.1.1: should be no longer; must be no longer than 998.
_LONGEST_WORD = 66
_LONGEST_NAME = 60
# 39 bytes are 52 characters of base64, 64 as an encoded word: with "Subject: " within the 76 of RFC 2047 §2.
_ENCODED_WORD = 39


class HeaderInjection(Exception):
    """The value of *header* holds a line break, a control character, or else what cannot stand there."""

    def __init__(self, header: str) -> None:
        super().__init__(f"{header} holds a character that must not be in a header")
        self.header = header


def unstructured(header: str, value: str) -> str:
    """
    Return the field *header* with any text, folded, without its last line end.

    Raises:
        HeaderInjection: If *value* has a control character, a tab or line break included.
    """
    if _CONTROL.search(value):
        raise HeaderInjection(header)
    line = f"{header}: {value}"
    # What looks like an encoded word would be decoded; spaces at the ends would be lost.
    if not value.isascii() or "=?" in value or value != value.strip(" "):
        return f"{header}: {_encoded_words(value)}"
    if len(line) <= _LINE:
        return line
    words = value.split(" ")
    if all(0 < len(word) <= _LONGEST_WORD for word in words):
        return _folded(f"{header}:", words)
    return f"{header}: {_encoded_words(value)}"


def mailbox(header: str, name: str | None, address: str) -> str:
    """
    Return the field *header* with one mailbox (RFC 5322 §3.4), without its last line end.

    Raises:
        HeaderInjection: If *name* has a control character, or *address* is not a plain ASCII address.
    """
    if not _ADDRESS.fullmatch(address) or (name and _CONTROL.search(name)):
        raise HeaderInjection(header)
    shown = (name or "").strip(" ")
    if not shown:
        return f"{header}: {address}"
    line = f"{header}: {_phrase(shown)}"
    last = line.rpartition("\n")[2]
    gap = " " if len(last) + len(address) + 3 <= _LINE else "\r\n "
    return f"{line}{gap}<{address}>"


def message_ids(header: str, *ids: str) -> str:
    """
    Return the field *header* with Message-IDs, one a line, without its last line end.

    Raises:
        HeaderInjection: If one of them has not the form ``<left@right>``.
    """
    for each in ids:
        if not _MESSAGE_ID.fullmatch(each):
            raise HeaderInjection(header)
    return f"{header}: " + "\r\n ".join(ids)


def encoded_body(text: str) -> tuple[bytes, bytes]:
    """
    Return the transfer encoding that is shorter for *text* and the text in it.

    The text is made to end with a line end. ``=_`` occurs nowhere in the result, so that a boundary may
    begin with it. Dots at the head of lines are left to whoever speaks SMTP.
    """
    # Most texts have no CR, and need no search for the three kinds of line ends.
    lines = _LINE_END.sub("\r\n", text) if "\r" in text else text.replace("\n", "\r\n")
    content = (lines if lines.endswith("\r\n") else lines + "\r\n").encode()
    # A byte above 127 costs three in quoted-printable, and a third more in base64.
    if not text.isascii() and len(content.translate(None, _ASCII)) * 6 > len(content):
        return b"base64", base64.encodebytes(content).replace(b"\n", b"\r\n")
    return b"quoted-printable", binascii.b2a_qp(content)


_ASCII = bytes(range(128))


def _phrase(name: str) -> str:
    if not name.isascii() or "=?" in name or len(name) > _LONGEST_NAME:
        return _encoded_words(name)
    if _ATOMS.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encoded_words(value: str) -> str:
    """RFC 2047 §2, cut between characters (§5: each word by itself is whole UTF-8)."""
    content = value.encode()
    words = []
    start = 0
    while start < len(content):
        end = min(start + _ENCODED_WORD, len(content))
        while end < len(content) and content[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?B?{base64.b64encode(content[start:end]).decode('ascii')}?=")
        start = end
    return "\r\n ".join(words)


def _folded(start: str, words: list[str]) -> str:
    lines = [start]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _LINE:
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)
