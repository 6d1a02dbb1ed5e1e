"""The token endpoints of providers, over HTTP: one POST for each renewal (RFC 6749 §6)."""

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from actors.access_tokens import Grant, Issued, TokenRefused, TokenUnavailable
from actors.hosts import Network
from actors.json_client import UNREACHABLE, JsonClient
from domain.credentials import OAuthProvider

_LONGEST_DESCRIPTION = 300
_LONGEST_S = 86_400
# RFC 6749 §A.12, without the space: what may follow "Bearer" in SASL XOAUTH2.
_ACCESS_TOKEN = re.compile(r"[\x21-\x7e]+")
# RFC 6749 §5.2, and two of Microsoft's that also want the person. All others are for the operator.
_NEEDS_A_PERSON = frozenset({"invalid_grant", "interaction_required", "consent_required"})


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where a provider renews access, and as what the operator registered Drumbeat there."""

    url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str = ""


class HttpTokenServer:
    """
    Asks *endpoints*, which only the operator names.

    *allow* and *tls_context* are those of `actors.endpoints.connect`; *timeout_s* is for one renewal.
    """

    def __init__(
        self,
        endpoints: Mapping[OAuthProvider, TokenEndpoint],
        *,
        allow: Sequence[Network] = (),
        tls_context: ssl.SSLContext | None = None,
        timeout_s: float = 15.0,
    ) -> None:
        self._endpoints = endpoints
        self._http = JsonClient(allow=allow, tls_context=tls_context)
        self._timeout_s = timeout_s

    async def refresh(self, grant: Grant) -> Issued:
        """See `TokenServer`."""
        endpoint = self._endpoints.get(grant.provider)
        if endpoint is None:
            raise TokenUnavailable(f"DRUMBEAT_{grant.provider}_CLIENT_ID is not set")
        form = {
            "grant_type": "refresh_token",
            "refresh_token": grant.refresh_token,
            "client_id": endpoint.client_id,
            "client_secret": endpoint.client_secret,
            "scope": endpoint.scope,
        }
        try:
            async with asyncio.timeout(self._timeout_s):
                status, answer = await self._http.post(
                    endpoint.url, {name: text for name, text in form.items() if text}
                )
        except UNREACHABLE as failure:
            said = str(failure) or type(failure).__name__
            raise TokenUnavailable(f"{endpoint.url} cannot be asked: {said}") from failure
        return _issued(status, answer, secret=grant.refresh_token)


# Any: see `JsonClient`.
def _issued(status: int, answer: Mapping[str, Any], *, secret: str) -> Issued:
    if status != 200:
        raise _refusal(status, answer, secret=secret)
    token, lasts_s, replacement = (answer.get(key) for key in ("access_token", "expires_in", "refresh_token"))
    if not isinstance(token, str) or not _ACCESS_TOKEN.fullmatch(token):
        raise TokenUnavailable("the token server answered without an access token")
    return Issued(
        token,
        # Without it, nobody knows how long the token may be kept.
        lasts_s=float(min(lasts_s, _LONGEST_S)) if isinstance(lasts_s, int | float) else 0.0,
        refresh_token=replacement if isinstance(replacement, str) and replacement else None,
    )


# Any: see `JsonClient`.
def _refusal(status: int, answer: Mapping[str, Any], *, secret: str) -> TokenRefused | TokenUnavailable:
    error = str(answer.get("error", ""))[:_LONGEST_DESCRIPTION]
    description = str(answer.get("error_description", ""))[:_LONGEST_DESCRIPTION]
    said = ": ".join(part for part in (error, description) if part).replace(secret, "…")
    if status in (400, 401) and error in _NEEDS_A_PERSON:
        return TokenRefused(said)
    return TokenUnavailable(f"the token server answered {status} {said}".rstrip())
