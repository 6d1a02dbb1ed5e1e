"""The token endpoints of providers, over HTTP: one POST for each renewal (RFC 6749 §6)."""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from actors.access_tokens import Grant, Issued, TokenRefused, TokenUnavailable
from actors.endpoints import public_tls
from actors.hosts import Address, HostBlocked, HostNotFound, Network, resolve_checked
from domain.credentials import OAuthProvider

_LARGEST_ANSWER = 64 * 1024
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
    Asks *endpoints*, which only the operator names; no redirect is followed, no proxy used.

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
        self._allow = allow
        self._tls_context = tls_context
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
                status, body = await self._post(
                    httpx.URL(endpoint.url), {name: text for name, text in form.items() if text}
                )
        except (httpx.HTTPError, httpx.InvalidURL, OSError, HostBlocked, HostNotFound) as failure:
            said = str(failure) or type(failure).__name__
            raise TokenUnavailable(f"{endpoint.url} cannot be asked: {said}") from failure
        return _issued(status, _object(body), secret=grant.refresh_token)

    async def _post(self, url: httpx.URL, form: Mapping[str, str]) -> tuple[int, bytes]:
        """The answer at the first address that lets us connect; each was checked, and the name asked once."""
        port = url.port or (443 if url.scheme == "https" else 80)
        failure: Exception = httpx.ConnectError("no address")
        for address in await resolve_checked(url.host, port, allow=self._allow):
            try:
                return await self._post_to(address, url, form)
            except httpx.ConnectError as error:
                failure = error
        raise failure

    async def _post_to(self, address: Address, url: httpx.URL, form: Mapping[str, str]) -> tuple[int, bytes]:
        verify = self._tls_context or public_tls()
        async with (
            httpx.AsyncClient(verify=verify, trust_env=False, timeout=None) as client,  # noqa: S113 - by refresh
            client.stream(
                "POST",
                url.copy_with(host=str(address)),
                data=form,
                # Packed, 64 KiB could be much more.
                headers={
                    "Host": url.netloc.decode(),
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                },
                # The certificate is checked for the name, not for the address.
                extensions={"sni_hostname": url.host},
            ) as response,
        ):
            body = b""
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _LARGEST_ANSWER:
                    raise httpx.DecodingError("its answer has no end")
            return response.status_code, body


def _object(body: bytes) -> Mapping[str, Any]:
    """The JSON object that *body* is, empty if it is none; Any: whatever a server put in it."""
    try:
        found = json.loads(body)
    # Brackets within brackets without end are a RecursionError.
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


# Any: see `_object`.
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


# Any: see `_object`.
def _refusal(status: int, answer: Mapping[str, Any], *, secret: str) -> TokenRefused | TokenUnavailable:
    error = str(answer.get("error", ""))[:_LONGEST_DESCRIPTION]
    description = str(answer.get("error_description", ""))[:_LONGEST_DESCRIPTION]
    said = ": ".join(part for part in (error, description) if part).replace(secret, "…")
    if status in (400, 401) and error in _NEEDS_A_PERSON:
        return TokenRefused(said)
    return TokenUnavailable(f"the token server answered {status} {said}".rstrip())
