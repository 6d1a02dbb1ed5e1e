"""HSTS: telling browsers that came by TLS to come by nothing else (RFC 6797)."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class StrictTransportSecurity:
    """Adds the header to what is answered over TLS; over anything else browsers would ignore it (§8.1)."""

    def __init__(self, app: ASGIApp, *, max_age_s: int) -> None:
        self._app = app
        self._value = f"max-age={max_age_s}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["scheme"] != "https":
            await self._app(scope, receive, send)
            return

        async def send_with_it(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Strict-Transport-Security"] = self._value
            await send(message)

        await self._app(scope, receive, send_with_it)
