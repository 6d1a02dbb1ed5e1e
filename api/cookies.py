"""The two cookies: one of a login on its way, one of the session that it ends in."""

from starlette.responses import Response

# With this prefix browsers refuse them without Secure, for another path or a sibling host (RFC 6265bis).
LOGIN = "__Host-drumbeat_login"
SESSION = "__Host-drumbeat_session"


def give(response: Response, name: str, secret: str, *, lasts_s: float) -> None:
    """Lax: the browser brings the login's cookie along when the provider sends it back to us."""
    response.set_cookie(
        name, secret, max_age=int(lasts_s), path="/", secure=True, httponly=True, samesite="lax"
    )


def take(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
