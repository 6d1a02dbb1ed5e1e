"""One email and what servers may answer it, for the tests that hand it over."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network

from actors.endpoints import Endpoint, Undelivered, connect
from actors.hosts import Network
from actors.smtp import Handover, SmtpConnection
from domain.mailboxes import Security
from domain.replies import Fault, Reply, Stage
from tests.support.certificates import Certificate
from tests.support.smtp_server import Answer, ScriptedSmtpServer, Trouble

LOOPBACK = [ip_network("127.0.0.0/8")]
SENDER, RECIPIENT = "me@example.com", "you@example.test"
CONTENT = b"Subject: Hi\r\n\r\nFirst.\r\n.\r\n..two\r\n.end\r\n"
PATIENCE_S = 5.0
IMPATIENCE_S = 0.15

ANSWERS: tuple[tuple[Answer, Reply | Fault], ...] = (
    ("421 4.3.2 closing", Reply(421, "4.3.2 closing")),
    ("451 4.7.1 later", Reply(451, "4.7.1 later")),
    ("550 5.1.1 no", Reply(550, "5.1.1 no")),
    (Trouble.DROP, Fault.DROPPED),
    (Trouble.HANG, Fault.TIMEOUT),
    (Trouble.GARBAGE, Fault.DROPPED),
    (Trouble.ENDLESS, Fault.DROPPED),
)


async def agree() -> bool:
    return True


@asynccontextmanager
async def connected(server: ScriptedSmtpServer) -> AsyncIterator[SmtpConnection]:
    endpoint = Endpoint("127.0.0.1", server.port, Security.NONE)
    connection = await connect(endpoint, allow=LOOPBACK, timeout_s=PATIENCE_S)
    try:
        yield connection
    finally:
        connection.close()


async def opening(
    endpoint: Endpoint, certificate: Certificate | None = None, *, allow: Sequence[Network] = LOOPBACK
) -> tuple[Stage, Reply | Fault] | None:
    """Open a connection and close it again; None when it came about."""
    tls_context = certificate.trusting if certificate else None
    try:
        connection = await connect(endpoint, allow=allow, timeout_s=PATIENCE_S, tls_context=tls_context)
    except Undelivered as failure:
        return failure.stage, failure.answer
    await connection.quit()
    return None


async def deliver(
    connection: SmtpConnection,
    content: bytes = CONTENT,
    *,
    before_dot: Callable[[], Awaitable[bool]] = agree,
    timeout_s: float = PATIENCE_S,
    dot_timeout_s: float = PATIENCE_S,
) -> Handover:
    return await connection.deliver(
        SENDER, RECIPIENT, content, before_dot=before_dot, timeout_s=timeout_s, dot_timeout_s=dot_timeout_s
    )
