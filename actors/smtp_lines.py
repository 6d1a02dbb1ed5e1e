"""What is written to an SMTP server: the paths of an envelope, and a letter made safe for the line."""

import re

# One address as it stands between < and >: nothing that could end the path or the line.
_ADDRESS = re.compile(r"[^\s<>\x00-\x1f\x7f-\U0010ffff]+@[^\s<>@\x00-\x1f\x7f-\U0010ffff]+")


def path_of(address: str) -> bytes:
    """
    *address* as it stands on the command line of MAIL or RCPT.

    Raises:
        ValueError: If it is not ASCII or could end its line.
    """
    if not _ADDRESS.fullmatch(address):
        raise ValueError("not an address that fits on an SMTP command line")
    return b"<" + address.encode("ascii") + b">"


def dot_stuffed(content: bytes) -> bytes:
    """
    *content* as it travels (RFC 5321 §4.5.2), ending in CRLF, so that ".CRLF" is all that is missing.

    Raises:
        ValueError: If it is not 7-bit or has a bare CR or LF.
    """
    if not content.isascii():
        raise ValueError("content is not 7-bit")
    lines = content.count(b"\r\n")
    if content.count(b"\n") != lines or content.count(b"\r") != lines:
        # A server that takes a bare LF for a line end can be made to see a dot that is not ours.
        raise ValueError("content has a line that ends in a bare CR or LF")
    body = content.replace(b"\r\n.", b"\r\n..")
    body = b"." + body if body.startswith(b".") else body
    return body if body.endswith(b"\r\n") else body + b"\r\n"
