"""Endpoints: the SMTP server of a mailbox, and how a connection to it is opened."""

import asyncio
import functools
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import cast

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException

from actors.access_tokens import AccessTokens, Grant, NoAccessToken, TokenUnavailable
from actors.hosts import Address, HostBlocked, HostNotFound, Network, resolve_checked
from actors.smtp import Progress, SmtpConnection
from actors.smtp_answers import answer_of, wording_of
from domain.mailboxes import Security
from domain.replies import Fault, Reply, Stage

# RFC 4954 §4: the server offers a mechanism that it does not have after all.
_MECHANISM_UNKNOWN = 504


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    Where and how a mailbox hands over its emails; without a *username* nobody logs in.

    A *grant* stands in place of a password, and makes the login one by XOAUTH2.
    """

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = field(default="", repr=False)
    grant: Grant | None = None


class Undelivered(Exception):
    """No connection came about: *answer* ended it at *stage*; *detail* words it for people."""

    def __init__(self, stage: Stage, answer: Reply | Fault, detail: str = "") -> None:
        super().__init__(stage, answer, detail)
        self.stage = stage
        self.answer = answer
        self.detail = detail


@functools.cache
def public_tls() -> ssl.SSLContext:
    """The certificates this machine trusts; made once, since reading them takes tens of milliseconds."""
    return ssl.create_default_context()


async def connect(
    endpoint: Endpoint,
    *,
    allow: Sequence[Network] = (),
    timeout_s: float,
    tls_context: ssl.SSLContext | None = None,
    tokens: AccessTokens | None = None,
) -> SmtpConnection:
    """
    Open a connection to *endpoint*, secure it as it demands and log in, all within *timeout_s*.

    STARTTLS is required, never a try; plain text is for loopback only. *allow* opens networks that
    `resolve_checked` refuses; *tls_context* stands in for the certificates this machine trusts; *tokens* are
    for endpoints with a grant.

    Raises:
        Undelivered: For whatever prevents it.
    """
    # No timeouts of aiosmtplib: its asyncio.wait_for can swallow a cancellation (Python 3.11), such as ours.
    use_tls = endpoint.security is Security.TLS
    smtp = SMTP(hostname=endpoint.host, timeout=None, start_tls=False, use_tls=use_tls)
    progress = _Connecting(timeout_s=timeout_s)
    try:
        async with progress.clock:
            progress.enter(Stage.CONNECT)
            addresses = await resolve_checked(endpoint.host, endpoint.port, allow=allow)
            if endpoint.security is Security.NONE:
                _refuse_beyond_loopback(endpoint.host, addresses)
            line = await _dial(addresses, endpoint.port, timeout_s=timeout_s)
            smtp.local_hostname = _address_literal(line)
            await smtp.connect(sock=line, tls_context=tls_context or public_tls())
            await _greet(smtp, endpoint, progress)
            if endpoint.username:
                progress.enter(Stage.AUTH)
                if endpoint.grant is None:
                    await _log_in(smtp, endpoint)
                else:
                    await _log_in_by_token(smtp, endpoint.username, endpoint.grant, tokens)
            return SmtpConnection(smtp)
    except (SMTPException, OSError, HostBlocked, HostNotFound, NoAccessToken) as failure:
        _abort(smtp)
        raise Undelivered(progress.stage, answer_of(failure), wording_of(failure)) from failure
    except BaseException:
        _abort(smtp)
        raise


class _Connecting(Progress):
    """The way to a connection; `clock` interrupts what takes longer than its stage may."""

    def __init__(self, *, timeout_s: float) -> None:
        super().__init__(Stage.CONNECT, timeout_s=timeout_s)
        self.clock = asyncio.timeout_at(self.until)

    def enter(self, stage: Stage) -> None:
        self.stage = stage
        self.clock.reschedule(self.until)


async def _dial(addresses: Sequence[Address], port: int, *, timeout_s: float) -> socket.socket:
    """
    A socket to the first of *addresses* that takes it, each getting an even share of the time.

    Connecting to the address, not to the name, is what makes the check of the address hold.
    """
    loop = asyncio.get_running_loop()
    failure: OSError = ConnectionRefusedError("no address")
    for address in addresses:
        family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
        line = socket.socket(family, socket.SOCK_STREAM)
        line.setblocking(False)
        try:
            # The dot is a write of its own, which must not wait until the body is acknowledged.
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(timeout_s / len(addresses)):
                await loop.sock_connect(line, (str(address), port))
        except OSError as error:
            line.close()
            failure = error if isinstance(error, TimeoutError) else ConnectionRefusedError(str(error))
        except BaseException:
            line.close()
            raise
        else:
            return line
    raise failure


async def _greet(smtp: SMTP, endpoint: Endpoint, progress: _Connecting) -> None:
    progress.enter(Stage.EHLO)
    await smtp.ehlo()
    if endpoint.security is not Security.STARTTLS:
        return
    progress.enter(Stage.STARTTLS)
    if not smtp.supports_extension("starttls"):
        raise Undelivered(Stage.STARTTLS, Fault.TLS_FAILED, "the server does not offer STARTTLS")
    await smtp.starttls(server_hostname=endpoint.host)
    progress.enter(Stage.EHLO)
    await smtp.ehlo()


async def _log_in(smtp: SMTP, endpoint: Endpoint) -> None:
    """
    Log in by one mechanism only: `SMTP.login` tries them all, and a wrong password then counts three times.

    They send the password as it is, over a line that is encrypted or never leaves the machine.
    """
    refusal: Exception = Undelivered(Stage.AUTH, Fault.AUTH_UNAVAILABLE, "the server offers no way to log in")
    for mechanism, log_in in (("plain", smtp.auth_plain), ("login", smtp.auth_login)):
        if mechanism not in smtp.server_auth_methods:
            continue
        try:
            await log_in(endpoint.username, endpoint.password)
        except SMTPAuthenticationError as error:
            refusal = error
            if error.code != _MECHANISM_UNKNOWN:
                break
        else:
            return
    raise refusal


async def _log_in_by_token(smtp: SMTP, username: str, grant: Grant, tokens: AccessTokens | None) -> None:
    """
    SASL XOAUTH2, as Google and Microsoft document it.

    A kept token may have been withdrawn before its end, so its refusal counts only if a new one's follows.
    """
    if "xoauth2" not in smtp.server_auth_methods:
        raise Undelivered(Stage.AUTH, Fault.AUTH_UNAVAILABLE, "the server does not offer XOAUTH2")
    if tokens is None:
        raise TokenUnavailable("this process has no access tokens")
    token = await tokens.get(grant)
    try:
        await smtp.auth_xoauth2(username, token.text)
    except SMTPAuthenticationError as refusal:
        if token.is_new or refusal.code < 500:
            raise
        token = await tokens.get(grant, refused=token.text)
        await smtp.auth_xoauth2(username, token.text)


def _refuse_beyond_loopback(host: str, addresses: Sequence[Address]) -> None:
    for address in addresses:
        if not address.is_loopback:
            raise HostBlocked(host, address, "not loopback, and plain text is for loopback only")


def _address_literal(line: socket.socket) -> str:
    """Our name in EHLO (RFC 5321 §4.1.3), for a client that need not have one in DNS."""
    address = ip_address(line.getsockname()[0])
    return f"[IPv6:{address}]" if isinstance(address, IPv6Address) else f"[{address}]"


def _abort(smtp: SMTP) -> None:
    if smtp.transport is not None:
        # aiosmtplib types it as the base class, which cannot abort; uvloop's is no subclass of asyncio's.
        cast("asyncio.WriteTransport", smtp.transport).abort()
    smtp.close()
