"""A provider of identities as it is asked: in time, in private, and where it says that it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from actors.identity_provider import Client, OpenIdProvider
from domain.identities import IdentityRefused, IdentityUnknown
from tests.support.certificates import self_signed
from tests.support.identity_provider import CLIENT_ID, SECRET, fake_identities

LOGIN = {
    "redirect_uri": "https://mail.example.com/auth/google/callback",
    "nonce": "n",
    "code_verifier": "v" * 43,
}


async def begin(provider: OpenIdProvider) -> str:
    return await provider.authorization_url(
        redirect_uri=LOGIN["redirect_uri"], state="s", nonce="n", code_challenge="c" * 43
    )


async def test_its_documents_are_read_once_an_hour() -> None:
    """Beginning a login is open to everyone, and does not make us ask each time."""
    async with fake_identities() as identities:
        provider = identities.client()

        first, second = await begin(provider), await begin(provider)

        assert first == second
        assert identities.times_asked == 1


async def test_a_provider_that_is_too_slow_is_not_waited_for() -> None:
    """The person may try again."""
    async with fake_identities() as identities:
        identities.delay_s = 5.0

        with pytest.raises(IdentityUnknown, match="TimeoutError"):
            await begin(identities.client(timeout_s=0.1))


async def test_a_private_address_is_not_asked() -> None:
    """Unless the operator allows its network."""
    async with fake_identities() as identities:
        provider = OpenIdProvider(Client(identities.issuer, CLIENT_ID, SECRET))

        with pytest.raises(IdentityUnknown, match="loopback"):
            await begin(provider)
        assert identities.times_asked == 0


async def test_a_code_is_exchanged_with_its_verifier_alone() -> None:
    """RFC 7636: who has only seen the code gets nothing for it."""
    async with fake_identities() as identities:
        provider = identities.client()
        identities.codes["code"] = {"code_challenge": "of another verifier"} | LOGIN

        with pytest.raises(IdentityRefused, match="does not take the code"):
            await provider.identify("code", **LOGIN)


@pytest.mark.parametrize(("status", "error"), [(401, "invalid_client"), (400, "invalid_request"), (502, "")])
async def test_what_the_operator_has_to_mend_is_no_refusal(status: int, error: str) -> None:
    """A wrong client secret is not the fault of whoever logs in."""
    async with fake_identities() as identities:
        identities.status, identities.error = status, error

        with pytest.raises(IdentityUnknown) as unknown:
            await identities.client().identify("code", **LOGIN)

    assert unknown.value.detail == f"the token endpoint answered {status} {error}".rstrip()


async def test_a_secret_is_never_sent_in_clear_text(tmp_path: Path) -> None:
    """An issuer on TLS that names an endpoint without is not followed; one with it is asked."""
    certificate = self_signed(tmp_path)
    async with fake_identities(certificate.server) as identities:
        provider = identities.client(certificate.trusting)
        identities.discovered = {"token_endpoint": f"http://127.0.0.1:{identities.port}/token"}

        url = await begin(provider)
        with pytest.raises(IdentityUnknown, match="names no token_endpoint that can be used"):
            await provider.identify("code", **LOGIN)

    assert url.startswith(f"https://127.0.0.1:{identities.port}/authorize?")


def test_a_secret_is_not_shown() -> None:
    """A client is written into logs without it."""
    client = Client("https://accounts.example.com", CLIENT_ID, SECRET)

    assert SECRET not in repr(replace(client, client_id="us"))
