"""Access tokens: what a mailbox logs in with by OAuth 2, renewed by its refresh token (RFC 6749 §6)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary

from domain.credentials import OAuthProvider
from domain.ids import MailboxId

# A token is not shown to a server that may see it after its end; clocks differ, and lines are slow.
_SPARE_S = 60.0


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person at the provider consented to: Drumbeat may send as this mailbox."""

    mailbox_id: MailboxId
    provider: OAuthProvider
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issued:
    """A provider's answer; a *refresh_token* in it takes the place of the one that was used."""

    access_token: str = field(repr=False)
    lasts_s: float
    refresh_token: str | None = field(default=None, repr=False)


class NoAccessToken(Exception):
    """There is none to be had, for the reason that the message gives; it holds no secret."""


class TokenRefused(NoAccessToken):
    """The provider takes the refresh token no longer: a person has to consent again."""


class TokenUnavailable(NoAccessToken):
    """The provider cannot be asked, or gives no clear answer: the mailbox is not to blame."""


class TokenServer(Protocol):
    async def refresh(self, grant: Grant) -> Issued:
        """
        Exchange the refresh token of *grant* for an access token.

        Raises:
            NoAccessToken: `TokenRefused` or `TokenUnavailable`.
        """


@dataclass(frozen=True, slots=True)
class AccessToken:
    """*is_new* if it was issued for whoever asked, and was shown to no server yet."""

    text: str = field(repr=False)
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    text: str
    good_until: float


class AccessTokens:
    """
    The access tokens of one process, one for each mailbox, kept until shortly before their end.

    *replaced* is told of a refresh token that the provider put in the place of a grant's.
    """

    def __init__(
        self,
        server: TokenServer,
        *,
        replaced: Callable[[Grant, str], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._replaced = replaced
        self._clock = clock
        # Latest last. By mailbox and not by grant: another process may have had its refresh token replaced.
        self._kept: dict[MailboxId, _Kept] = {}
        self._locks: WeakValueDictionary[MailboxId, asyncio.Lock] = WeakValueDictionary()

    @property
    def kept_count(self) -> int:
        return len(self._kept)

    async def get(self, grant: Grant, *, refused: str | None = None) -> AccessToken:
        """
        The token of *grant*'s mailbox, any but the *refused* one; who asks while it is renewed waits for it.

        Raises:
            NoAccessToken: As for `TokenServer.refresh`.
        """
        lock = self._locks.setdefault(grant.mailbox_id, asyncio.Lock())
        async with lock:
            kept = self._kept.get(grant.mailbox_id)
            if kept is not None and kept.text != refused and self._clock() < kept.good_until:
                return AccessToken(kept.text, is_new=False)
            self._kept.pop(grant.mailbox_id, None)
            issued = await self._server.refresh(grant)
            self._keep(grant.mailbox_id, issued)
            if issued.refresh_token not in (None, grant.refresh_token):
                await self._replaced(grant, issued.refresh_token)
            return AccessToken(issued.access_token, is_new=True)

    def _keep(self, mailbox_id: MailboxId, issued: Issued) -> None:
        now = self._clock()
        self._kept[mailbox_id] = _Kept(issued.access_token, now + issued.lasts_s - _SPARE_S)
        # They last about equally long, so the oldest end first: none of a mailbox that went stays behind.
        for oldest, kept in list(self._kept.items()):
            if now < kept.good_until:
                break
            del self._kept[oldest]
