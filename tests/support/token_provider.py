"""A small token server that renews access, or refuses to, as a test tells it to."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from actors.access_tokens import AccessTokens, Grant
from actors.token_server import HttpTokenServer, TokenEndpoint
from domain.credentials import OAuthProvider
from domain.ids import MailboxId
from persistence.ids import uuid7
from tests.support.handovers import LOOPBACK
from tests.support.http_server import answer, listening, read_request

REFRESH_TOKEN = "1//refresh-me"
EXPIRED = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}


@dataclass
class TokenProvider:
    """Issues `access-1`, `access-2` and so on for an hour each, unless *answer* says otherwise."""

    scheme: str
    port: int = 0
    status: int = 200
    answer: Mapping[str, object] | bytes | None = None
    delay_s: float = 0.0
    headers: str = ""
    # Of each request: its form, and its Host.
    forms: list[dict[str, str]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)

    def url(self, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}/token"

    def client(self, tls_context: ssl.SSLContext | None = None, **options: float) -> HttpTokenServer:
        endpoint = TokenEndpoint(self.url(), "drumbeat", "client-secret", scope="send")
        return HttpTokenServer(
            {OAuthProvider.GOOGLE: endpoint}, allow=LOOPBACK, tls_context=tls_context, **options
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        self.hosts.append(request.fields["host"])
        self.forms.append({name: values[0] for name, values in parse_qs(request.body).items()})
        await asyncio.sleep(self.delay_s)
        await answer(writer, self.status, self._body(), fields=self.headers)

    def _body(self) -> bytes:
        if isinstance(self.answer, bytes):
            return self.answer
        issued = {"access_token": f"access-{len(self.forms)}", "token_type": "Bearer", "expires_in": 3600}
        return json.dumps(issued if self.answer is None else dict(self.answer)).encode()


@asynccontextmanager
async def token_provider(tls_context: ssl.SSLContext | None = None) -> AsyncIterator[TokenProvider]:
    """One that listens on loopback, over TLS if it is given a certificate."""
    async with listening(TokenProvider("https" if tls_context else "http"), tls_context) as provider:
        yield provider


def grant(refresh_token: str = REFRESH_TOKEN, *, mailbox_id: MailboxId | None = None) -> Grant:
    return Grant(mailbox_id or MailboxId(uuid7()), OAuthProvider.GOOGLE, refresh_token)


def tokens_of(provider: TokenProvider) -> AccessTokens:
    """The tokens of a process that writes no replacement down."""

    async def forget(grant: Grant, refresh_token: str) -> None:
        pass

    return AccessTokens(provider.client(), replaced=forget)
