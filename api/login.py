"""Logging in at a provider of identities and logging out: authorization code with PKCE, state and nonce."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Self

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from api import cookies
from api.authentication import subject_of_address
from api.context import IdentityProvider, Services
from api.origins import comes_from
from api.pages import page
from api.rate_limits import RateLimited
from domain.identities import Identity, IdentityRefused, IdentityUnknown
from persistence.logins import LOGIN_LASTS, begin_login, end_login
from persistence.people import welcome
from persistence.sessions import SESSION_LASTS, close_session, open_session

log: structlog.stdlib.BoundLogger = structlog.get_logger()
CALLBACK = "/auth/google/callback"
_AGAIN = '<p><a href="/auth/google/start">Log in again</a></p>'
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class LoginSecrets:
    """What belongs to one login, all of it made from the *token* that its browser alone holds."""

    state: str
    nonce: str
    code_verifier: str

    @classmethod
    def of(cls, token: str) -> Self:
        return cls(*(_derived(token, name) for name in ("state", "nonce", "code_verifier")))

    @property
    def code_challenge(self) -> str:
        """RFC 7636 §4.2, S256."""
        return _base64url(hashlib.sha256(self.code_verifier.encode()).digest())


def _derived(token: str, name: str) -> str:
    return _base64url(hmac.digest(token.encode(), name.encode(), "sha256"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def attempted(request: Request, services: Services) -> Response | None:
    """Count an attempt to log in; a page when there were too many from this address. Each costs a row."""
    if services.strangers is None:
        return None
    try:
        await services.strangers.take(subject_of_address(request))
    except RateLimited as limited:
        answer = page(429, "Too many logins", f"<p>{limited.message}</p>")
        answer.headers.update(limited.headers)
        return answer
    return None


async def start(services: Services, provider: IdentityProvider) -> Response:
    """Send the browser to the provider, with a cookie by which it is known when it comes back."""
    async with services.database.transaction() as conn:
        token = await begin_login(conn)
    secrets = LoginSecrets.of(token)
    try:
        url = await provider.authorization_url(
            redirect_uri=_redirect_uri(services),
            state=secrets.state,
            nonce=secrets.nonce,
            code_challenge=secrets.code_challenge,
        )
    except IdentityUnknown as unknown:
        return _unavailable(unknown)
    response = RedirectResponse(url, 303, _NO_STORE)
    cookies.give(response, cookies.LOGIN, token, lasts_s=LOGIN_LASTS.total_seconds())
    return response


async def finish(request: Request, services: Services, provider: IdentityProvider) -> Response:
    """Let in whom the provider vouches for; a login comes back once, in the browser that began it."""
    try:
        secrets = await _taken_back(request, services)
        identity = await provider.identify(
            _code(request),
            redirect_uri=_redirect_uri(services),
            nonce=secrets.nonce,
            code_verifier=secrets.code_verifier,
        )
        token = await _session(services, identity, replaces=request.cookies.get(cookies.SESSION))
    except IdentityRefused as refused:
        return _refused(refused)
    except IdentityUnknown as unknown:
        return _unavailable(unknown)
    response = RedirectResponse(services.after_login_url, 303, _NO_STORE)
    cookies.give(response, cookies.SESSION, token, lasts_s=SESSION_LASTS.total_seconds())
    cookies.take(response, cookies.LOGIN)
    return response


async def _taken_back(request: Request, services: Services) -> LoginSecrets:
    token = request.cookies.get(cookies.LOGIN)
    if token is None:
        raise IdentityRefused("this browser began no login, or began it too long ago")
    secrets = LoginSecrets.of(token)
    if not hmac.compare_digest(request.query_params.get("state", "").encode(), secrets.state.encode()):
        raise IdentityRefused("the answer belongs to another login")
    async with services.database.transaction() as conn:
        if not await end_login(conn, token):
            raise IdentityRefused("this login is over, or was used already")
    return secrets


def _code(request: Request) -> str:
    error, code = (request.query_params.get(name) for name in ("error", "code"))
    if error == "access_denied":
        raise IdentityRefused("you did not consent")
    if error is not None or code is None:
        raise IdentityRefused("the provider sent you back without a code")
    return code


async def _session(services: Services, identity: Identity, *, replaces: str | None) -> str:
    """A new session, never one that the browser brought: whoever put that there would share it."""
    async with services.database.transaction() as conn:
        if replaces is not None:
            await close_session(conn, replaces)
        workspace_id, user_id = await welcome(conn, identity, may_found=services.login_founds)
        token = await open_session(conn, workspace_id, user_id)
    log.info("session.opened", user_id=str(user_id), workspace_id=str(workspace_id))
    return token


async def log_out(request: Request, services: Services) -> Response:
    """End the session, for every process at once; 204 also when there was none."""
    if not comes_from(services.origins, request.headers):
        return PlainTextResponse("This is answered to pages of this site only.\n", 403, _NO_STORE)
    token = request.cookies.get(cookies.SESSION)
    if token is not None:
        async with services.database.transaction() as conn:
            await close_session(conn, token)
    response = Response(status_code=204, headers=_NO_STORE)
    cookies.take(response, cookies.SESSION)
    return response


def _redirect_uri(services: Services) -> str:
    """From the settings and never from the request, whose Host anybody may choose."""
    return services.public_url + CALLBACK


def _refused(refused: IdentityRefused) -> Response:
    log.info("login.refused", reason=refused.reason)
    # A reason is a text of ours, without anything that came with the request.
    return page(400, "You are not logged in", f"<p>Because {refused.reason}.</p>{_AGAIN}")


def _unavailable(unknown: IdentityUnknown) -> Response:
    log.warning("login.provider_unavailable", detail=unknown.detail)
    return page(503, "You cannot log in now", f"<p>The provider cannot be asked; try again.</p>{_AGAIN}")
