"""A provider of identities by OpenID Connect: its documents, the exchange of a code, and the ID token."""

import asyncio
import hmac
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt

from actors.hosts import Network
from actors.json_client import UNREACHABLE, JsonClient
from domain.identities import Identity, IdentityRefused, IdentityUnknown

# What Google and most others sign with; no other is taken, whatever a token says of itself (RFC 8725 §3.1).
_ALGORITHM = "RS256"
_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "nonce")
_LEEWAY_S = 60
_DISCOVERY_KEPT_S = 3600.0
_LONGEST_TEXT = 300
_LONGEST_URL = 2000
# What is wrong with an ID token, in the order in which PyJWT tells: subclasses first.
_FAULTS: Sequence[tuple[type[jwt.PyJWTError], str]] = (
    (jwt.ExpiredSignatureError, "the ID token has expired"),
    (jwt.InvalidAudienceError, "the ID token is for somebody else"),
    (jwt.InvalidIssuerError, "the ID token is of another issuer"),
    (jwt.InvalidAlgorithmError, "the ID token is not signed as agreed"),
    (jwt.InvalidSignatureError, "the signature of the ID token is wrong"),
    (jwt.MissingRequiredClaimError, "the ID token is not complete"),
)


@dataclass(frozen=True, slots=True)
class Client:
    """As what the operator registered Drumbeat at *issuer*."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


class OpenIdProvider:
    """
    Asks the provider of *client*, whose endpoints are those that its issuer publishes (OIDC Discovery §4).

    *allow* and *tls_context* are those of `actors.endpoints.connect`; *timeout_s* is for one login.
    """

    def __init__(
        self,
        client: Client,
        *,
        allow: Sequence[Network] = (),
        tls_context: ssl.SSLContext | None = None,
        timeout_s: float = 15.0,
    ) -> None:
        self._client = client
        self._http = JsonClient(allow=allow, tls_context=tls_context)
        self._timeout_s = timeout_s
        self._discovered: Mapping[str, Any] = {}
        self._discovered_at = float("-inf")

    async def authorization_url(
        self, *, redirect_uri: str, state: str, nonce: str, code_challenge: str
    ) -> str:
        """
        Where the person's browser goes to log in (OIDC Core §3.1.2.1, RFC 7636 §4.3).

        Raises:
            IdentityUnknown: The provider cannot be asked where that is.
        """
        async with self._in_time():
            endpoint = await self._endpoint("authorization_endpoint")
        asked = {
            "response_type": "code",
            "scope": "openid email profile",
            "client_id": self._client.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "nonce": nonce,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def identify(self, code: str, *, redirect_uri: str, nonce: str, code_verifier: str) -> Identity:
        """
        Whom the provider gave *code* for, once it was exchanged and its ID token looked at.

        Raises:
            IdentityRefused: The code is not taken, or the token cannot be trusted.
            IdentityUnknown: The provider cannot be asked.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._client.client_id,
            "client_secret": self._client.client_secret,
            "code_verifier": code_verifier,
        }
        async with self._in_time():
            status, answer = await self._http.post(await self._endpoint("token_endpoint"), form)
            token = _id_token(status, answer)
            _, keys = await self._http.get(await self._endpoint("jwks_uri"))
        return _identity(self._claims(token, keys, nonce=nonce))

    # Any: claims are what the provider put into the token.
    def _claims(self, token: str, keys: Mapping[str, Any], *, nonce: str) -> Mapping[str, Any]:
        """The claims of *token*, if all of OIDC Core §3.1.3.7 holds."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                _key_of(token, keys),
                algorithms=[_ALGORITHM],
                audience=self._client.client_id,
                issuer=self._client.issuer,
                leeway=_LEEWAY_S,
                # One audience, which is ours: a token for several may have been given to another of them.
                options={"require": list(_REQUIRED), "strict_aud": True},
            )
        except jwt.PyJWTError as error:
            fault = next((said for kind, said in _FAULTS if isinstance(error, kind)), "the ID token is none")
            raise IdentityRefused(fault) from error
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise IdentityRefused("the ID token is of another login")
        if not claims["sub"].isprintable():
            raise IdentityRefused("the ID token is none")
        return claims

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """A block in which the provider is asked: one that is not reached, or too slow, is not known."""
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except UNREACHABLE as failure:
            said = str(failure) or type(failure).__name__
            raise IdentityUnknown(f"{self._client.issuer} cannot be asked: {said}") from failure

    async def _endpoint(self, name: str) -> str:
        if time.monotonic() - self._discovered_at > _DISCOVERY_KEPT_S:
            url = f"{self._client.issuer}/.well-known/openid-configuration"
            status, found = await self._http.get(url)
            # OIDC Discovery §4.3: what calls itself otherwise speaks for another issuer.
            if status != 200 or found.get("issuer") != self._client.issuer:
                raise IdentityUnknown(f"{url} answered {status} and does not describe that issuer")
            self._discovered, self._discovered_at = found, time.monotonic()
        endpoint = self._discovered.get(name)
        if not isinstance(endpoint, str) or not _is_as_private(endpoint, self._client.issuer):
            raise IdentityUnknown(f"{self._client.issuer} names no {name} that can be used")
        return endpoint


def _is_as_private(endpoint: str, issuer: str) -> bool:
    """A secret that goes to an issuer over TLS does not leave it in clear text."""
    return endpoint.startswith("https://") or not issuer.startswith("https://")


# Any: see `JsonClient`.
def _id_token(status: int, answer: Mapping[str, Any]) -> str:
    token = answer.get("id_token")
    if status == 200 and isinstance(token, str):
        return token
    error = str(answer.get("error", ""))[:_LONGEST_TEXT]
    # RFC 6749 §5.2: the code is wrong, was used, or is over. All others are for the operator.
    if status == 400 and error == "invalid_grant":
        raise IdentityRefused("the provider does not take the code: it is over, or was used already")
    raise IdentityUnknown(f"the token endpoint answered {status} {error}".rstrip())


def _key_of(token: str, keys: Mapping[str, Any]) -> jwt.PyJWK:
    """The key that *token* names, of those that the provider publishes."""
    named = jwt.get_unverified_header(token).get("kid")
    published = keys.get("keys")
    for each in published if isinstance(published, list) else ():
        if isinstance(each, dict) and each.get("kid") == named and each.get("kty") == "RSA":
            return jwt.PyJWK(each, algorithm=_ALGORITHM)
    raise IdentityRefused("the ID token is signed with a key that the provider does not publish")


def _identity(claims: Mapping[str, Any]) -> Identity:
    email, name = (_text(claims, each) for each in ("email", "name"))
    picture = _text(claims, "picture", longest=_LONGEST_URL)
    if not email:
        raise IdentityRefused("the provider does not tell your address")
    return Identity(
        issuer=claims["iss"],
        sub=claims["sub"],
        name=name or email,
        email=email,
        is_verified=claims.get("email_verified") is True,
        avatar_url=picture if picture.startswith("https://") else None,
    )


def _text(claims: Mapping[str, Any], name: str, *, longest: int = _LONGEST_TEXT) -> str:
    """A claim for people, empty if there is none; without what no line of text has, such as NUL."""
    claim = claims.get(name)
    if not isinstance(claim, str):
        return ""
    return "".join(filter(str.isprintable, claim)).strip()[:longest]
