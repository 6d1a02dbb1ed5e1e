"""Who asks: an API key opens its workspace."""

from api.context import Caller, Context, Services, context_for
from api.errors import ErrorCode, Refused
from persistence.api_keys import ApiKeyIdentity, authenticate


class Unauthenticated(Refused):
    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.UNAUTHENTICATED, message)


async def authenticated(services: Services, authorization: str | None) -> Context:
    """
    The context of the caller whose `Authorization` header is given (RFC 6750 §2.1).

    Raises:
        Unauthenticated: No key, or none that is valid; whether it ever was is not told.
    """
    key = _bearer(authorization)
    identity: ApiKeyIdentity | None = None
    if key is not None:
        async with services.database.transaction() as conn:
            identity = await authenticate(conn, key)
    if identity is None:
        raise Unauthenticated("Send a valid API key: `Authorization: Bearer db_…`.")
    caller = Caller(
        workspace_id=identity.workspace_id,
        actor=f"api_key:{identity.key_id}",
        scopes=identity.scopes,
        name=identity.name,
    )
    return context_for(services, caller)


def _bearer(authorization: str | None) -> str | None:
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None
