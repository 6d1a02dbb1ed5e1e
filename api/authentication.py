"""Who asks: an API key opens its workspace, and so does the session of a person who is logged in."""

from ipaddress import ip_address, ip_network

from starlette.requests import HTTPConnection

from api import cookies
from api.context import Caller, Context, Services, context_for
from api.errors import ErrorCode, Refused
from api.masking import told
from api.origins import comes_from
from domain.access import SCOPES_OF, Scope
from persistence.api_keys import authenticate
from persistence.sessions import recognise


class Unauthenticated(Refused):
    """*was_attempt*: something was brought that could have been valid."""

    def __init__(self, message: str, *, was_attempt: bool) -> None:
        super().__init__(ErrorCode.UNAUTHENTICATED, message)
        self.was_attempt = was_attempt


class ForeignOrigin(Refused):
    """A page of some other site asks with the cookie of a person who looks at it."""

    def __init__(self) -> None:
        message = (
            "A session is for pages of this site: this request has no Origin, or one that is not allowed."
        )
        super().__init__(ErrorCode.FORBIDDEN, message)


async def authenticated(services: Services, request: HTTPConnection) -> Context:
    """
    The context of the caller: by the `Authorization` header (RFC 6750 §2.1), or else by the session's cookie.

    Raises:
        Unauthenticated: Neither is there, or it is not valid; whether it ever was is not told.
        ForeignOrigin: The cookie came with a request that no page of ours sent.
        RateLimited: Too many attempts from this address failed in this minute.
    """
    strangers, address = services.strangers, subject_of_address(request)
    if strangers is not None:
        strangers.check(address)
    try:
        return context_for(services, await _caller(services, request))
    except Unauthenticated as refused:
        if strangers is not None and refused.was_attempt:
            await strangers.take(address)
        raise


def subject_of_address(request: HTTPConnection) -> str:
    """Who is counted when nobody knows who asks: an address, of IPv6 the network that one customer has."""
    if request.client is None:
        return "address:unknown"
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return f"address:{request.client.host}"
    return f"address:{ip_network((address, 64), strict=False) if address.version == 6 else address}"


async def _caller(services: Services, request: HTTPConnection) -> Caller:
    authorization, token = request.headers.get("authorization"), request.cookies.get(cookies.SESSION)
    if authorization is None and token is not None:
        # Browsers add the cookie by themselves, whoever asks; a header only those who have the key.
        if not comes_from(services.origins, request.headers):
            raise ForeignOrigin
        return await _person(services, token)
    return await _key(services, authorization)


async def is_still_allowed(services: Services, request: HTTPConnection) -> bool:
    """Whether whoever sent *request*, and stays, may still read; a database that is away changes nothing."""
    try:
        context = await authenticated(services, request)
    except Refused:
        return False
    except Exception as error:
        told(error)
        return True
    return Scope.READ in context.caller.scopes


async def _key(services: Services, authorization: str | None) -> Caller:
    identity = None
    if (key := _bearer(authorization)) is not None:
        identity = await authenticate(services.database, key)
    if identity is None:
        message = "Send a valid API key: `Authorization: Bearer db_…`."
        raise Unauthenticated(message, was_attempt=key is not None)
    return Caller(
        workspace_id=identity.workspace_id,
        actor=f"api_key:{identity.key_id}",
        scopes=identity.scopes,
        name=identity.name,
    )


def _bearer(authorization: str | None) -> str | None:
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


async def _person(services: Services, token: str) -> Caller:
    async with services.database.transaction() as conn:
        person = await recognise(conn, token)
    if person is None:
        raise Unauthenticated("The session is over: log in again.", was_attempt=True)
    return Caller(
        workspace_id=person.workspace_id,
        actor=f"user:{person.user_id}",
        scopes=SCOPES_OF[person.role],
        name=person.name,
        email=person.email,
        avatar_url=person.avatar_url,
        role=person.role,
    )
