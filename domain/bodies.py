"""Bodies of letters as MIME parts; what all letters of a step share of them is encoded once."""

import binascii
from collections.abc import Mapping
from itertools import chain

from domain.mime import encoded_body
from domain.templates import Template


class QuotedValues(dict[str, bytes]):
    """The values of one letter in quoted-printable: most of them stand in its text and in its HTML."""

    def __missing__(self, value: str) -> bytes:
        quoted = self[value] = _quoted(value)
        return quoted


class BodyForm:
    """The template of a body; where fields are merged into it, its own words are encoded already."""

    __slots__ = ("_head", "_is_closed", "_parts", "_template")

    def __init__(self, template: Template, *, subtype: bytes) -> None:
        self._template = template
        self._head = b'Content-Type: text/%b; charset="utf-8"\r\nContent-Transfer-Encoding: ' % subtype
        *pieces, last = template.pieces or [""]
        # Its last line is ended here, unless a value stands there, which may bring a line end or not.
        self._is_closed = bool(last)
        closed = last if last.endswith("\n") or not last else f"{last}\n"
        # A place for a value behind each.
        self._parts = list(chain.from_iterable((_quoted(piece), b"") for piece in (*pieces, closed)))[:-1]

    def write(self, fields: Mapping[str, object], quoted: QuotedValues) -> tuple[str, bytes]:
        """
        The text, filled in for one contact, and the part that it makes, its header fields included.

        Raises:
            TemplateError: As `Template.render`.
        """
        text, values = self._template.fill(fields)
        if values is not None and "\r" not in text:
            parts = self._parts.copy()
            parts[1::2] = [quoted[value] for value in values]
            if not self._is_closed and not text.endswith("\n"):
                parts.append(b"\r\n")
            body = b"".join(parts)
            # Base64 takes four characters for each three bytes, of which there are no fewer than characters.
            if len(body) * 3 <= len(text) * 4:
                return text, b"%bquoted-printable\r\n\r\n%b" % (self._head, body)
        encoding, body = encoded_body(text)
        return text, b"%b%b\r\n\r\n%b" % (self._head, encoding, body)


def _quoted(text: str) -> bytes:
    """
    *text* in quoted-printable, up to where the next line begins: a line that it leaves open is broken softly.

    So texts that are encoded one by one can be joined (RFC 2045 §6.7, rule 5).
    """
    content = text.encode().replace(b"\n", b"\r\n")
    # Encoded as if its last line went on: a space at the end stays one, and there is room for the break.
    encoded = binascii.b2a_qp(content + b"x\r\n")[: -len(b"x\r\n")]
    return encoded + b"=\r\n" if encoded and not encoded.endswith(b"\r\n") else encoded
