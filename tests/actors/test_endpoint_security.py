"""Encrypted connections: required, checked, and good enough for a real server."""

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from actors.endpoints import Endpoint, Undelivered, connect
from actors.smtp import Handover
from domain.mailboxes import Security
from domain.replies import Fault, Reply, Stage
from tests.support.certificates import Certificate, self_signed
from tests.support.handovers import (
    CONTENT,
    LOOPBACK,
    PATIENCE_S,
    RECIPIENT,
    SENDER,
    deliver,
    opening,
)
from tests.support.smtp_server import ScriptedSmtpServer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("tls"))


async def test_a_login_goes_through_an_encrypted_line(certificate: Certificate) -> None:
    """With STARTTLS the login follows the second EHLO; with TLS everything is encrypted."""
    async with ScriptedSmtpServer(tls_context=certificate.server, password="secret") as by_starttls:
        endpoint = Endpoint("127.0.0.1", by_starttls.port, Security.STARTTLS, "me", "secret")
        assert await opening(endpoint, certificate) is None
    async with ScriptedSmtpServer(
        tls_context=certificate.server, is_implicit=True, password="secret"
    ) as by_tls:
        endpoint = Endpoint("127.0.0.1", by_tls.port, Security.TLS, "me", "secret")
        assert await opening(endpoint, certificate) is None

    assert by_starttls.verbs() == ["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"]
    assert by_tls.verbs() == ["EHLO", "AUTH", "QUIT"]
    assert by_tls.commands[0] == "EHLO [127.0.0.1]"


async def test_without_starttls_no_password_leaves() -> None:
    """A server that does not offer the STARTTLS a mailbox demands is given up before the login."""
    async with ScriptedSmtpServer() as server:
        failure = await opening(Endpoint("127.0.0.1", server.port, Security.STARTTLS, "me", "secret"))

    assert failure == (Stage.STARTTLS, Fault.TLS_FAILED)
    assert server.verbs() == ["EHLO"]


@pytest.mark.parametrize(
    ("security", "stage"), [(Security.STARTTLS, Stage.STARTTLS), (Security.TLS, Stage.CONNECT)]
)
async def test_a_certificate_nobody_vouches_for_is_refused(
    certificate: Certificate, security: Security, stage: Stage
) -> None:
    """A self-signed certificate that this machine does not trust ends both kinds of TLS."""
    is_implicit = security is Security.TLS
    async with ScriptedSmtpServer(tls_context=certificate.server, is_implicit=is_implicit) as server:
        endpoint = Endpoint("127.0.0.1", server.port, security, "me", "secret")

        with pytest.raises(Undelivered) as failure:
            await connect(endpoint, allow=LOOPBACK, timeout_s=PATIENCE_S)

    assert (failure.value.stage, failure.value.answer) == (stage, Fault.CERTIFICATE)
    assert failure.value.detail == "self-signed certificate"
    assert "AUTH" not in server.verbs()


@pytest.mark.parametrize(
    ("security", "stage"), [(Security.STARTTLS, Stage.STARTTLS), (Security.TLS, Stage.CONNECT)]
)
async def test_a_certificate_for_another_host_is_refused(
    certificate: Certificate, security: Security, stage: Stage
) -> None:
    """The certificate must name the host that the mailbox names, not the address it resolves to."""
    is_implicit = security is Security.TLS
    async with ScriptedSmtpServer(tls_context=certificate.server, is_implicit=is_implicit) as server:
        endpoint = Endpoint("localhost", server.port, security, "me", "secret")

        failure = await opening(endpoint, certificate, allow=[*LOOPBACK, ip_network("::1/128")])

    assert failure == (stage, Fault.CERTIFICATE)


async def test_tls_with_a_server_that_speaks_plainly_fails() -> None:
    """Implicit TLS on a port of another kind is a TLS fault, not a riddle."""
    async with ScriptedSmtpServer() as server:
        failure = await opening(Endpoint("127.0.0.1", server.port, Security.TLS))

    assert failure == (Stage.CONNECT, Fault.TLS_FAILED)


async def test_a_server_that_leaves_in_the_handshake_is_told() -> None:
    """A connection lost between the 220 and the end of the handshake is dropped at STARTTLS."""

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in (b"220 hi\r\n", b"250-here\r\n250 STARTTLS\r\n", b"220 go\r\n"):
            writer.write(reply)
            await reader.read(1000)
        writer.close()

    async with await asyncio.start_server(leave, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]

        failure = await opening(Endpoint("127.0.0.1", port, Security.STARTTLS))

    assert failure == (Stage.STARTTLS, Fault.DROPPED)


async def test_a_real_server_takes_it_by_starttls_and_login(certificate: Certificate) -> None:
    """Against aiosmtpd, with STARTTLS and LOGIN required, the content arrives byte for byte."""
    received: list[tuple[str | None, list[str], bytes | str | None]] = []

    class Inbox:
        async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
            # aiosmtpd calls it by this name, and is not typed.
            received.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
            return "250 2.0.0 taken"

    def judge(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        return AuthResult(success=(login.login, login.password) == (b"me", b"secret"), handled=False)

    def protocol() -> Any:
        return SMTP(
            Inbox(),
            hostname="inbox.test",
            tls_context=certificate.server,
            require_starttls=True,
            auth_required=True,
            auth_exclude_mechanism=["PLAIN"],
            authenticator=judge,
        )

    listener = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    endpoint = Endpoint("127.0.0.1", listener.sockets[0].getsockname()[1], Security.STARTTLS, "me", "secret")
    connection = await connect(
        endpoint, allow=LOOPBACK, timeout_s=PATIENCE_S, tls_context=certificate.trusting
    )

    handover = await deliver(connection)
    await connection.quit()
    listener.close()

    assert handover == Handover(Stage.DOT, Reply(250, "2.0.0 taken"))
    assert received == [(SENDER, [RECIPIENT], CONTENT)]
