"""Keeping access tokens: until when, for whom, and how often they are renewed."""

import asyncio

import pytest

from actors.access_tokens import AccessToken, AccessTokens, Grant, TokenRefused
from tests.support.token_provider import EXPIRED, REFRESH_TOKEN, grant, token_provider, tokens_of


class Watch:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


async def ignore(grant: Grant, refresh_token: str) -> None:
    """Write no replacement down."""


async def test_a_token_is_kept_until_a_minute_before_its_end() -> None:
    """For an hour's token that is 59 minutes, and new is only what was never shown."""
    watch = Watch()
    async with token_provider() as provider:
        tokens, granted = AccessTokens(provider.client(), replaced=ignore, clock=watch), grant()
        first = await tokens.get(granted)
        watch.time = 59 * 60 - 1
        kept = await tokens.get(granted)
        watch.time = 59 * 60

        second = await tokens.get(granted)

    assert (first, kept) == (AccessToken("access-1", is_new=True), AccessToken("access-1", is_new=False))
    assert second == AccessToken("access-2", is_new=True)


async def test_those_who_ask_at_once_share_one_renewal() -> None:
    """Ten at once are one request, and one of them has a new token; other mailboxes have theirs."""
    async with token_provider() as provider:
        provider.delay_s = 0.05
        tokens, granted = tokens_of(provider), grant()

        got = await asyncio.gather(*(tokens.get(granted) for _ in range(10)))
        other = await tokens.get(grant("1//other"))

    assert sorted(token.is_new for token in got) == [False] * 9 + [True]
    assert {token.text for token in got} == {"access-1"}
    assert (other.text, [form["refresh_token"] for form in provider.forms]) == (
        "access-2",
        [REFRESH_TOKEN, "1//other"],
    )


async def test_a_refused_token_is_renewed_once() -> None:
    """Two connections that were refused the same kept token get the same new one."""
    async with token_provider() as provider:
        tokens, granted = tokens_of(provider), grant()
        await tokens.get(granted)

        got = await asyncio.gather(*(tokens.get(granted, refused="access-1") for _ in range(2)))

    assert [token.text for token in got] == ["access-2", "access-2"]
    assert len(provider.forms) == 2


async def test_a_failure_is_not_kept() -> None:
    """Whoever asks next asks the provider again."""
    async with token_provider() as provider:
        tokens, granted = tokens_of(provider), grant()
        provider.status, provider.answer = 400, EXPIRED
        with pytest.raises(TokenRefused):
            await tokens.get(granted)
        provider.status, provider.answer = 200, None

        assert (await tokens.get(granted)).text == "access-2"


async def test_a_renewal_that_was_given_up_holds_up_nobody() -> None:
    """Cancelled by a deadline, it leaves the next one to ask for itself."""
    async with token_provider() as provider:
        tokens, granted = tokens_of(provider), grant()
        provider.delay_s = 5
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await tokens.get(granted)
        provider.delay_s = 0

        assert (await tokens.get(granted)).text == "access-2"


async def test_a_token_without_an_end_is_not_kept() -> None:
    """Nobody knows how long it holds."""
    async with token_provider() as provider:
        provider.answer = {"access_token": "a"}
        tokens, granted = tokens_of(provider), grant()

        got = [await tokens.get(granted) for _ in range(2)]

    assert (got, len(provider.forms)) == ([AccessToken("a", is_new=True)] * 2, 2)


async def test_what_has_ended_is_forgotten() -> None:
    """Mailboxes that send no more leave no token behind."""
    watch = Watch()
    async with token_provider() as provider:
        tokens = AccessTokens(provider.client(), replaced=ignore, clock=watch)
        for _ in range(3):
            await tokens.get(grant())
        before = tokens.kept_count
        watch.time = 3600

        await tokens.get(grant())

    assert (before, tokens.kept_count) == (3, 1)
