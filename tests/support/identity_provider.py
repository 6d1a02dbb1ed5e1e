"""A small OpenID provider with keys of its own, which vouches, or lies, as a test tells it to."""

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from time import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from actors.identity_provider import Client, OpenIdProvider
from tests.support.handovers import LOOPBACK
from tests.support.http_server import answer, listening, read_request

CLIENT_ID = "drumbeat.apps.example.com"
SECRET = "client-secret"
PERSON: Mapping[str, Any] = {
    "sub": "110248495921238986420",
    "email": "First.Person@example.com",
    "email_verified": True,
    "name": "First Person",
    "picture": "https://pictures.example.com/first",
}


@cache
def signing_key(kid: str) -> rsa.RSAPrivateKey:
    """One per name; made once, as that takes a moment."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class FakeIdentities:
    """
    Gives whoever comes a code, and for the code an ID token of *person*.

    *claims* replace those of the token, None leaves one out; *algorithm* and *key* sign it; *status* and
    *error* are answered instead of it. *published* are the keys at its JWKS endpoint.
    """

    scheme: str
    port: int = 0
    person: Mapping[str, Any] = field(default_factory=lambda: PERSON)
    claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    key: str = "first"
    published: tuple[str, ...] = ("first",)
    discovered: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    error: str = ""
    delay_s: float = 0.0
    # What each code was given for, until it is exchanged.
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    times_asked: int = 0

    @property
    def issuer(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def client(self, tls_context: ssl.SSLContext | None = None, *, timeout_s: float = 10.0) -> OpenIdProvider:
        us = Client(self.issuer, CLIENT_ID, SECRET)
        return OpenIdProvider(us, allow=LOOPBACK, tls_context=tls_context, timeout_s=timeout_s)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.times_asked += 1
        request = await read_request(reader)
        target = urlsplit(request.target)
        await asyncio.sleep(self.delay_s)
        status, fields, body = self._answer(target.path, dict(parse_qsl(target.query or request.body)))
        await answer(writer, status, json.dumps(body).encode(), fields=fields)

    def _answer(self, path: str, asked: dict[str, str]) -> tuple[int, str, object]:
        if path == "/authorize":
            return 302, f"Location: {self._sent_back(asked)}\r\n", {}
        if path == "/token":
            return (*self._token_status(asked), self._tokens(asked))
        if path == "/keys":
            return 200, "", {"keys": [_public(kid) for kid in self.published]}
        endpoints = {"authorization": "/authorize", "token": "/token"}
        urls = {f"{name}_endpoint": self.issuer + path for name, path in endpoints.items()}
        known = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"} | urls
        return 200, "", known | self.discovered

    def _sent_back(self, asked: dict[str, str]) -> str:
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert {"openid", "email"} <= set(asked["scope"].split())
        code = f"code-{len(self.codes)}-{self.times_asked}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def _token_status(self, asked: dict[str, str]) -> tuple[int, str]:
        if self.status == 200 and not self._is_due(asked):
            self.status, self.error = 400, "invalid_grant"
        return self.status, ""

    def _is_due(self, asked: dict[str, str]) -> bool:
        """RFC 7636 §4.6, and RFC 6749 §4.1.3: the code is new, and this is who asked for it."""
        given = self.codes.get(asked["code"])
        hashed = hashlib.sha256(asked["code_verifier"].encode()).digest()
        return (
            given is not None
            and given["code_challenge"] == base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
            and given["redirect_uri"] == asked["redirect_uri"]
            and (asked["client_id"], asked["client_secret"]) == (CLIENT_ID, SECRET)
        )

    def _tokens(self, asked: dict[str, str]) -> dict[str, object]:
        if self.status != 200:
            return {"error": self.error}
        given = self.codes.pop(asked["code"])
        now = int(time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 3600,
            "nonce": given["nonce"],
        }
        told = {
            name: each for name, each in ({**claims, **self.person} | self.claims).items() if each is not None
        }
        return {"access_token": "unused", "token_type": "Bearer", "id_token": self.signed(told)}

    def signed(self, claims: dict[str, Any]) -> str:
        headers = {"kid": self.key}
        if self.algorithm == "none":
            return jwt.encode(claims, "", algorithm="none", headers=headers)
        if self.algorithm == "HS256":
            return jwt.encode(claims, SECRET * 4, algorithm="HS256", headers=headers)
        return jwt.encode(claims, signing_key(self.key), algorithm=self.algorithm, headers=headers)


def _public(kid: str) -> dict[str, Any]:
    public: dict[str, Any] = RSAAlgorithm.to_jwk(signing_key(kid).public_key(), as_dict=True)
    return public | {"kid": kid, "use": "sig", "alg": "RS256"}


@asynccontextmanager
async def fake_identities(tls_context: ssl.SSLContext | None = None) -> AsyncIterator[FakeIdentities]:
    """One that listens on loopback, over TLS if it is given a certificate."""
    async with listening(FakeIdentities("https" if tls_context else "http"), tls_context) as provider:
        yield provider
