"""Renewing access at a provider's token endpoint, over real HTTP."""

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from actors.access_tokens import Issued, TokenRefused, TokenUnavailable
from actors.token_server import HttpTokenServer, TokenEndpoint
from domain.credentials import OAuthProvider
from tests.support.certificates import self_signed
from tests.support.handovers import LOOPBACK
from tests.support.token_provider import EXPIRED, REFRESH_TOKEN, grant, token_provider


async def test_a_refresh_token_is_exchanged_over_tls(tmp_path: Path) -> None:
    """The form is that of RFC 6749 §6, at the host by its name, whose certificate is checked."""
    certificate = self_signed(tmp_path)
    async with token_provider(certificate.server) as provider:
        issued = await provider.client(certificate.trusting).refresh(grant())

    assert issued == Issued("access-1", 3600.0)
    assert provider.forms == [
        {
            "grant_type": "refresh_token",
            "refresh_token": REFRESH_TOKEN,
            "client_id": "drumbeat",
            "client_secret": "client-secret",
            "scope": "send",
        }
    ]
    assert provider.hosts == [f"127.0.0.1:{provider.port}"]


async def test_what_is_not_set_is_not_sent() -> None:
    """A public client has no secret, and Google's needs no scope."""
    async with token_provider() as provider:
        server = HttpTokenServer(
            {OAuthProvider.GOOGLE: TokenEndpoint(provider.url(), "public")}, allow=LOOPBACK
        )
        await server.refresh(grant())

    assert provider.forms[0].keys() == {"grant_type", "refresh_token", "client_id"}


async def test_no_token_is_kept_for_more_than_a_day() -> None:
    """Whatever the provider says of it."""
    async with token_provider() as provider:
        provider.answer = {"access_token": "a", "expires_in": 10**400}

        assert await provider.client().refresh(grant()) == Issued("a", 86_400.0)


async def test_a_replacement_comes_along() -> None:
    """A provider may put another refresh token in the place of the one that was used."""
    async with token_provider() as provider:
        provider.answer = {"access_token": "a", "expires_in": 60, "refresh_token": "1//next"}

        assert await provider.client().refresh(grant()) == Issued("a", 60.0, "1//next")


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (400, EXPIRED, "invalid_grant: Token has been expired or revoked."),
        (400, {"error": "interaction_required"}, "interaction_required"),
        (401, {"error": "consent_required"}, "consent_required"),
    ],
)
async def test_what_a_person_has_to_mend_is_a_refusal(
    status: int, answer: Mapping[str, object], said: str
) -> None:
    """Their consent has ended, or does not suffice."""
    async with token_provider() as provider:
        provider.status, provider.answer = status, answer

        with pytest.raises(TokenRefused) as refusal:
            await provider.client().refresh(grant())

    assert str(refusal.value) == said


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (401, {"error": "invalid_client"}, "the token server answered 401 invalid_client"),
        (500, {"error": "invalid_grant"}, "the token server answered 500 invalid_grant"),
        (503, b"<html>", "the token server answered 503"),
        (302, b"", "the token server answered 302"),
        (200, b"no json", "the token server answered without an access token"),
        (200, b"[" * 60_000, "the token server answered without an access token"),
        (200, b"[]", "the token server answered without an access token"),
        (200, {"access_token": ""}, "the token server answered without an access token"),
        (200, {"access_token": "a\x01b"}, "the token server answered without an access token"),
        (400, {"error": "x", "error_description": REFRESH_TOKEN}, "the token server answered 400 x: …"),
        (400, {"error": "a" * 9_000}, "the token server answered 400 " + "a" * 300),
    ],
)
async def test_what_is_not_the_persons_fault_is_an_outage(
    status: int, answer: Mapping[str, object] | bytes, said: str
) -> None:
    """The operator's settings, a server in trouble, an answer that is none; no redirect is followed."""
    async with token_provider() as provider:
        provider.status, provider.answer = status, answer
        provider.headers = f"Location: {provider.url()}\r\n"

        with pytest.raises(TokenUnavailable) as outage:
            await provider.client().refresh(grant())

    assert (str(outage.value), len(provider.forms)) == (said, 1)


async def test_a_server_that_says_nothing_or_no_end_is_given_up() -> None:
    """Time and memory for one renewal are bounded."""
    async with token_provider() as provider:
        provider.delay_s = 5
        with pytest.raises(TokenUnavailable, match="cannot be asked: TimeoutError"):
            await provider.client(timeout_s=0.1).refresh(grant())
        provider.delay_s, provider.answer = 0, b"a" * 100_000
        with pytest.raises(TokenUnavailable, match="cannot be asked: its answer has no end"):
            await provider.client().refresh(grant())


async def test_a_server_that_cannot_be_reached_is_named() -> None:
    """Nobody listens, no such host, a host that the operator did not open, a provider that is not set up."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        urls = {
            f"http://127.0.0.1:{port}/token": "cannot be asked: All connection attempts failed",
            f"https://{'a' * 64}.test/token": "has no address",
            "https://token.test:port/": "Invalid port",
            "https://10.0.0.1/token": "10.0.0.1 is 10.0.0.1: private",
        }
        for url, said in urls.items():
            server = HttpTokenServer({OAuthProvider.GOOGLE: TokenEndpoint(url, "me")}, allow=LOOPBACK)
            with pytest.raises(TokenUnavailable, match=said):
                await server.refresh(grant())
    with pytest.raises(TokenUnavailable, match="DRUMBEAT_GOOGLE_CLIENT_ID is not set"):
        await HttpTokenServer({}).refresh(grant())


async def test_a_certificate_nobody_vouches_for_gets_no_refresh_token(tmp_path: Path) -> None:
    """The handshake fails, and nothing is sent."""
    async with token_provider(self_signed(tmp_path).server) as provider:
        with pytest.raises(TokenUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await provider.client().refresh(grant())

    assert provider.forms == []


async def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first address refuses, the second is used, and told the name that the URL has."""
    async with token_provider() as provider:
        loop = asyncio.get_running_loop()

        async def answer(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            return [(*kind, (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

        endpoint = TokenEndpoint(provider.url("token.test"), "me")
        server = HttpTokenServer({OAuthProvider.GOOGLE: endpoint}, allow=LOOPBACK)
        connecting = loop.getaddrinfo

        async def look_up(host: str, port: int, **options: int) -> object:
            named = host == "token.test"
            return await (answer(host, port) if named else connecting(host, port, **options))

        monkeypatch.setattr(loop, "getaddrinfo", look_up)

        await server.refresh(grant())

    assert provider.hosts == [f"token.test:{provider.port}"]


def test_secrets_are_not_shown() -> None:
    """Neither a grant nor what was issued tells its tokens in a log or a traceback."""
    shown = repr([grant(), Issued("access", 1.0, "next"), TokenEndpoint("https://a.test", "me", "hush")])

    assert not any(secret in shown for secret in (REFRESH_TOKEN, "access'", "next", "hush"))
