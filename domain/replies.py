"""What an SMTP server answered, where in the conversation, and what there is instead of an answer."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

# RFC 3463 §2. Only at the head of a line: "blocked 5.1.1.7" further inside is an IP address.
_ENHANCED = re.compile(r"^[\s#(\[]*([245]\.\d{1,3}\.\d{1,3})(?![.\d])", re.MULTILINE)
_TRY_AGAIN = re.compile(
    r"\b(?:try(?:ing)?\s+again|retry|wait|come\s+back)\D{0,30}?(\d{1,9})\s*(s|m|h)"
    r"(?:ec(?:ond)?s?|in(?:ute)?s?|(?:ou)?rs?)?\b",
    re.IGNORECASE,
)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
# To come on the very second is to come too early by the server's clock.
_LATE_ENOUGH = timedelta(seconds=10)
_LONGEST_WAIT = timedelta(hours=24)


class Stage(StrEnum):
    """Where the conversation stood. Until the end of BODY the email is provably not delivered."""

    CONNECT = "CONNECT"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "BODY"
    DOT = "DOT"


class Fault(StrEnum):
    """Why there is no reply."""

    REFUSED = "REFUSED"
    DNS = "DNS"
    TIMEOUT = "TIMEOUT"
    DROPPED = "DROPPED"
    TLS_FAILED = "TLS_FAILED"
    CERTIFICATE = "CERTIFICATE"
    AUTH_UNAVAILABLE = "AUTH_UNAVAILABLE"
    """The server offers no authentication that we may use: none at all, or only in clear text."""
    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105 - the name of a fault
    """The provider no longer renews the access that the mailbox was granted (OAuth 2)."""
    TOKEN_UNAVAILABLE = "TOKEN_UNAVAILABLE"  # noqa: S105 - the name of a fault
    """The provider's token server gives no clear answer (OAuth 2)."""
    BLOCKED_HOST = "BLOCKED_HOST"
    """The host leads to an address that we do not connect to."""


class Reply(NamedTuple):
    """A reply (RFC 5321 §4.2); the lines of *text* are joined by ``\\n`` and carry no basic code."""

    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """The first enhanced status code, such as ``5.1.1``; None when no line begins with one."""
        found = _ENHANCED.search(self.text)
        return found.group(1) if found else None

    @property
    def try_again_in(self) -> timedelta | None:
        """The wait that the text asks for and ten seconds more, at most 24 hours; None if it names none."""
        found = _TRY_AGAIN.search(self.text)
        if found is None:
            return None
        units = min(int(found.group(1)), 86_400)
        return min(units * _UNITS[found.group(2).lower()] + _LATE_ENOUGH, _LONGEST_WAIT)
