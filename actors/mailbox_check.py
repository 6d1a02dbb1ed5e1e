"""Checking a mailbox: whether its server lets us in, and if not, why, in words for its owner."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace

from actors.access_tokens import AccessTokens
from actors.endpoints import Endpoint, Undelivered, connect
from actors.hosts import Network
from actors.smtp import Handover
from domain.mailboxes import Security
from domain.replies import Fault, Reply, Stage


@dataclass(frozen=True, slots=True)
class MailboxCheck:
    """*stage* and *answer* say what failed, None when all is well; *words* is a sentence for people."""

    stage: Stage | None
    answer: Reply | Fault | None
    words: str

    @property
    def has_passed(self) -> bool:
        return self.stage is None


async def check(
    endpoint: Endpoint,
    *,
    allow: Sequence[Network] = (),
    timeout_s: float = 20.0,
    tls_context: ssl.SSLContext | None = None,
    tokens: AccessTokens | None = None,
) -> MailboxCheck:
    """Connect to *endpoint*, log in, see that the server answers (NOOP) and take leave. No email is sent."""
    try:
        connection = await connect(
            endpoint, allow=allow, timeout_s=timeout_s, tls_context=tls_context, tokens=tokens
        )
    except Undelivered as failure:
        return _failed(endpoint, failure)
    is_alive = await connection.is_alive(timeout_s=timeout_s)
    await connection.quit()
    if not is_alive:
        return _failed(endpoint, Undelivered(Stage.AUTH, Fault.DROPPED))
    logged_in = f" and took the login of {endpoint.username}" if endpoint.username else ""
    return MailboxCheck(None, None, f"{_where(endpoint)} answered{logged_in}.")


def _failed(endpoint: Endpoint, failure: Undelivered) -> MailboxCheck:
    return MailboxCheck(failure.stage, failure.answer, explain(endpoint, failure))


_FAULT_WORDS = {
    Fault.REFUSED: "Nothing answers at {where}. Check host, port and firewalls.",
    Fault.DNS: "The host {host} does not exist. Check its spelling.",
    Fault.TIMEOUT: "{where} did not answer in time at {stage}.{hint}",
    Fault.DROPPED: "{where} closed the connection at {stage}.{hint}",
    Fault.TLS_FAILED: "{where} offers no encryption that works: {detail}.{hint}",
    Fault.CERTIFICATE: "The certificate of {where} does not vouch for {host}: {detail}.",
    Fault.AUTH_UNAVAILABLE: "{where} offers no login that Drumbeat knows (PLAIN, LOGIN, or XOAUTH2).",
    Fault.TOKEN_REFUSED: "{where} is closed to {username} until they consent again: {detail}.",
    Fault.TOKEN_UNAVAILABLE: "There is no access token of {username} for {where}: {detail}.",
    Fault.BLOCKED_HOST: "Drumbeat does not connect to {where}: {detail}.",
}


_NETWORK = frozenset({Fault.REFUSED, Fault.DNS, Fault.TIMEOUT, Fault.DROPPED})


def explained(endpoint: Endpoint, handover: Handover) -> Handover:
    """*handover* with a fault of the network told as `explain` does, not as the system does."""
    if not isinstance(handover.answer, Fault) or handover.answer not in _NETWORK:
        return handover
    words = explain(endpoint, Undelivered(handover.stage, handover.answer, handover.detail))
    return replace(handover, detail=words)


def explain(endpoint: Endpoint, failure: Undelivered) -> str:
    """Say in words for the owner of a mailbox why *endpoint* cannot be used, and what to do about it."""
    if isinstance(failure.answer, Fault):
        return _FAULT_WORDS[failure.answer].format(
            where=_where(endpoint),
            host=endpoint.host,
            username=endpoint.username,
            stage=failure.stage,
            detail=failure.detail.rstrip("."),
            hint=_hint(endpoint),
        )
    said = f"{failure.answer.code} {failure.answer.text}"
    if failure.stage is Stage.AUTH and failure.answer.code >= 500:
        return (
            f"{_where(endpoint)} refused the login of {endpoint.username}: {said}. "
            "Check user name and password; many providers want an app password here."
        )
    return f"{_where(endpoint)} answered {failure.stage} with: {said}"


def _hint(endpoint: Endpoint) -> str:
    """The ports of RFC 8314 §3.3 tell when the wrong kind of encryption was chosen."""
    if endpoint.port == 465 and endpoint.security is not Security.TLS:
        return " Port 465 usually wants TLS."
    if endpoint.port == 587 and endpoint.security is Security.TLS:
        return " Port 587 usually wants STARTTLS."
    return ""


def _where(endpoint: Endpoint) -> str:
    return f"{endpoint.host} port {endpoint.port}"
