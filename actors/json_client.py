"""Asking the servers of identity and token providers by HTTP, for one small JSON object at a time."""

import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from actors.endpoints import public_tls
from actors.hosts import Address, HostBlocked, HostNotFound, Network, resolve_checked

_LARGEST_ANSWER = 64 * 1024
# What `get` and `post` raise when there is no answer; of these, TimeoutError is an OSError.
UNREACHABLE = (httpx.HTTPError, httpx.InvalidURL, OSError, HostBlocked, HostNotFound)


class JsonClient:
    """
    Asks URLs that only the operator names; no redirect is followed, no proxy used.

    *allow* and *tls_context* are those of `actors.endpoints.connect`. An answer is its status and its object,
    empty if there is none; Any: whatever a server put in it. The caller sets the time.
    """

    def __init__(self, *, allow: Sequence[Network] = (), tls_context: ssl.SSLContext | None = None) -> None:
        self._allow = allow
        self._tls_context = tls_context

    async def get(self, url: str) -> tuple[int, Mapping[str, Any]]:
        return await self._ask("GET", httpx.URL(url), None)

    async def post(self, url: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        return await self._ask("POST", httpx.URL(url), form)

    async def _ask(
        self, method: str, url: httpx.URL, form: Mapping[str, str] | None
    ) -> tuple[int, Mapping[str, Any]]:
        """The answer at the first address that lets us connect; each was checked, and the name asked once."""
        port = url.port or (443 if url.scheme == "https" else 80)
        failure: Exception = httpx.ConnectError("no address")
        for address in await resolve_checked(url.host, port, allow=self._allow):
            try:
                return await self._ask_at(address, method, url, form)
            except httpx.ConnectError as error:
                failure = error
        raise failure

    async def _ask_at(
        self, address: Address, method: str, url: httpx.URL, form: Mapping[str, str] | None
    ) -> tuple[int, Mapping[str, Any]]:
        verify = self._tls_context or public_tls()
        async with (
            httpx.AsyncClient(verify=verify, trust_env=False, timeout=None) as client,  # noqa: S113 - by the caller
            client.stream(
                method,
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
            return response.status_code, _object(body)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    # Brackets within brackets without end are a RecursionError.
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
