"""Mail hosts as they are given: what may be a host, and which one may be spoken to in plain text."""

import re
from ipaddress import ip_address

from api.errors import UserErrorCode
from api.inputs.problems import Problem
from domain.mailboxes import Security

DEFAULT_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}
# RFC 1123 §2.1; the underscore is seen in the names of containers.
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


def host(text: str) -> str:
    """A host name or an IP address; what it leads to is checked when it is connected to."""
    clean = text.strip(" ").removesuffix(".")
    if not (_is_address(clean) or _is_name(clean)):
        raise Problem(UserErrorCode.INVALID_HOST, "Give the name of a host, for example smtp.example.com.")
    return clean


def _is_name(text: str) -> bool:
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def plain_for_loopback_only(mail_host: str, security: Security) -> None:
    """Refuse to send passwords and letters unprotected to another machine."""
    if security is Security.NONE and not _is_loopback(mail_host):
        raise Problem(
            UserErrorCode.INVALID_HOST, "Without TLS only this machine can be reached: use STARTTLS or TLS."
        )


def _is_loopback(mail_host: str) -> bool:
    return ip_address(mail_host).is_loopback if _is_address(mail_host) else mail_host.lower() == "localhost"
