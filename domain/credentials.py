"""Credentials: by what a mailbox shows its server who it is."""

from enum import StrEnum


class Authentication(StrEnum):
    NONE = "NONE"
    PASSWORD = "PASSWORD"  # noqa: S105 - the name of a kind
    OAUTH = "OAUTH"


class OAuthProvider(StrEnum):
    GOOGLE = "GOOGLE"
    MICROSOFT = "MICROSOFT"


def authentication(username: str | None, provider: OAuthProvider | None) -> Authentication:
    """The kind of login of a mailbox; without a user name there is none."""
    if username is None:
        return Authentication.NONE
    return Authentication.PASSWORD if provider is None else Authentication.OAUTH
