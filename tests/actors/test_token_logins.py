"""Logging in by SASL XOAUTH2, over TLS, with tokens of a real token server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.access_tokens import AccessTokens, Grant
from actors.endpoints import Endpoint, Undelivered, connect
from domain.mailboxes import Security
from domain.replies import Fault, Reply, Stage
from tests.support.certificates import Certificate, self_signed
from tests.support.handovers import LOOPBACK, PATIENCE_S
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.token_provider import EXPIRED, grant, token_provider, tokens_of

REFUSED = Reply(535, "5.7.8 Username and Password not accepted")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def mail_server(
    certificate: Certificate, *access_tokens: str, mechanisms: str = "PLAIN XOAUTH2"
) -> AsyncIterator[ScriptedSmtpServer]:
    async with ScriptedSmtpServer(
        tls_context=certificate.server, password="secret", mechanisms=mechanisms
    ) as server:
        server.access_tokens = set(access_tokens)
        yield server


async def log_in(
    server: ScriptedSmtpServer, certificate: Certificate, granted: Grant, tokens: AccessTokens | None
) -> tuple[Stage, Reply | Fault] | None:
    """Open a connection and leave; None when the login succeeded."""
    endpoint = Endpoint("127.0.0.1", server.port, Security.STARTTLS, "me@example.com", grant=granted)
    try:
        connection = await connect(
            endpoint, allow=LOOPBACK, timeout_s=PATIENCE_S, tls_context=certificate.trusting, tokens=tokens
        )
    except Undelivered as failure:
        return failure.stage, failure.answer
    await connection.quit()
    return None


async def test_an_access_token_logs_in(certificate: Certificate) -> None:
    """Once per connection, after STARTTLS, and with one renewal for several connections."""
    async with token_provider() as provider, mail_server(certificate, "access-1") as server:
        tokens, granted = tokens_of(provider), grant()

        outcomes = [await log_in(server, certificate, granted, tokens) for _ in range(2)]

    assert outcomes == [None, None]
    assert server.verbs() == ["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"] * 2
    assert len(provider.forms) == 1


async def test_a_kept_token_that_was_withdrawn_is_renewed_at_once(certificate: Certificate) -> None:
    """Its refusal is a challenge and a 535; the new token logs in over the same connection."""
    async with token_provider() as provider, mail_server(certificate, "access-1") as server:
        tokens, granted = tokens_of(provider), grant()
        await log_in(server, certificate, granted, tokens)
        server.access_tokens = {"access-2"}

        outcome = await log_in(server, certificate, granted, tokens)

    assert (outcome, server.connections, len(provider.forms)) == (None, 2, 2)
    assert server.verbs()[-3:] == ["AUTH", "AUTH", "QUIT"]


@pytest.mark.parametrize(("logged_in_before", "renewals"), [(False, 1), (True, 2)])
async def test_a_new_token_that_is_refused_is_the_end(
    certificate: Certificate, logged_in_before: bool, renewals: int
) -> None:
    """A kept token is renewed once, a new one never: the refusal is the mailbox's."""
    async with token_provider() as provider, mail_server(certificate, "access-1") as server:
        tokens, granted = tokens_of(provider), grant()
        if logged_in_before:
            await log_in(server, certificate, granted, tokens)
        server.access_tokens = set()

        assert await log_in(server, certificate, granted, tokens) == (Stage.AUTH, REFUSED)

    assert (len(provider.forms), server.verbs().count("AUTH")) == (renewals, 2 * renewals - 1)


async def test_a_passing_refusal_renews_nothing(certificate: Certificate) -> None:
    """454 says nothing of the token."""
    async with token_provider() as provider, mail_server(certificate, "access-1") as server:
        tokens, granted = tokens_of(provider), grant()
        await log_in(server, certificate, granted, tokens)
        server.answers[Stage.AUTH] = "454 4.7.0 later"

        outcome = await log_in(server, certificate, granted, tokens)

    assert (outcome, len(provider.forms)) == ((Stage.AUTH, Reply(454, "4.7.0 later")), 1)


async def test_a_provider_that_refuses_is_told_from_one_that_is_away(certificate: Certificate) -> None:
    """The first wants a person, the second time; neither shows the mail server any token."""
    async with mail_server(certificate) as server:
        async with token_provider() as provider:
            provider.status, provider.answer = 400, EXPIRED
            refused = await log_in(server, certificate, grant(), tokens_of(provider))
        away = await log_in(server, certificate, grant(), tokens_of(provider))
        without = await log_in(server, certificate, grant(), None)

    assert refused == (Stage.AUTH, Fault.TOKEN_REFUSED)
    assert away == without == (Stage.AUTH, Fault.TOKEN_UNAVAILABLE)
    assert "AUTH" not in server.verbs()


async def test_a_server_without_xoauth2_sees_no_token(certificate: Certificate) -> None:
    """No other mechanism is tried in its place, and nothing is renewed."""
    async with token_provider() as provider, mail_server(certificate, mechanisms="PLAIN LOGIN") as server:
        outcome = await log_in(server, certificate, grant(), tokens_of(provider))

    assert (outcome, provider.forms) == ((Stage.AUTH, Fault.AUTH_UNAVAILABLE), [])
    assert server.verbs() == ["EHLO", "STARTTLS", "EHLO"]
