"""What stands behind an SMTP exception: what the server said, or what befell the line."""

import re
import ssl

from aiosmtplib import SMTPResponseException, SMTPServerDisconnected

from actors.access_tokens import NoAccessToken, TokenRefused, TokenUnavailable
from actors.hosts import HostBlocked, HostNotFound
from domain.replies import Fault, Reply

_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")

# The first that fits: a certificate error is a TLS error, and a disconnection a ConnectionError.
_FAULTS: tuple[tuple[type[BaseException], Fault], ...] = (
    (HostBlocked, Fault.BLOCKED_HOST),
    (TokenRefused, Fault.TOKEN_REFUSED),
    (TokenUnavailable, Fault.TOKEN_UNAVAILABLE),
    (HostNotFound, Fault.DNS),
    (ssl.SSLCertVerificationError, Fault.CERTIFICATE),
    (ssl.SSLError, Fault.TLS_FAILED),
    (SMTPServerDisconnected, Fault.DROPPED),
    (TimeoutError, Fault.TIMEOUT),
    # How asyncio gives up a handshake that takes more than a minute.
    (ConnectionAbortedError, Fault.TIMEOUT),
    (ConnectionRefusedError, Fault.REFUSED),
)


def answer_of(error: BaseException) -> Reply | Fault:
    """The reply or fault that *error* stands for: of aiosmtplib, the network, our host check, or a token."""
    if isinstance(error, SMTPResponseException):
        # -1 stands for a reply that is none: malformed, or without end (32 KiB at most are read).
        return reply_of(error.code, error.message) if error.code >= 200 else Fault.DROPPED
    for kind, fault in _FAULTS:
        if isinstance(error, kind):
            return fault
    # aiosmtplib wraps what happens while connecting.
    return answer_of(error.__cause__) if error.__cause__ else Fault.DROPPED


def wording_of(error: BaseException) -> str:
    """The innermost cause of *error* in its own words; a missing token tells its cause itself."""
    while error.__cause__ is not None and not isinstance(error, NoAccessToken):
        error = error.__cause__
    return _cleaned(error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error))


def reply_of(code: int, message: str) -> Reply:
    """A reply of aiosmtplib; its lines stay apart by \\n."""
    return Reply(code, _cleaned(message))


def _cleaned(text: str) -> str:
    """Without what PostgreSQL or a page would not bear: bytes that are no text, and controls."""
    return _CONTROLS.sub(" ", text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
