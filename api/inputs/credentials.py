"""Credentials of a mailbox as they are given: a password, or what a provider of OAuth 2 granted."""

from collections.abc import Collection
from uuid import UUID

import strawberry

from api.errors import UserErrorCode
from api.inputs import values
from api.inputs.problems import Problem, Problems
from api.login_vocabulary import OAuthProvider
from persistence.vault import Vault

LONGEST_PASSWORD = 1_000
LONGEST_REFRESH_TOKEN = 8_000


@strawberry.input(description="A login by OAuth 2 (SASL XOAUTH2), in place of a password.")
class OAuthInput:
    provider: OAuthProvider = strawberry.field(description="Who issued the refresh token.")
    refresh_token: str = strawberry.field(
        description="The refresh token, issued to this installation's client for sending by SMTP. Kept "
        "encrypted, and never shown again."
    )


def check_credentials(
    password: str | None,
    oauth: OAuthInput | None,
    problems: Problems,
    *,
    providers: Collection[OAuthProvider],
) -> None:
    """See that they can be used, and are not both given; *providers* are those that are set up."""
    with problems.at("password"):
        if password is not None and len(password) > LONGEST_PASSWORD:
            raise values.too_long(LONGEST_PASSWORD)
    if oauth is None:
        return
    with problems.at("oauth"):
        if password:
            raise Problem(
                UserErrorCode.AMBIGUOUS_CREDENTIALS, "A mailbox logs in by password or by OAuth, not by both."
            )
    with problems.at("oauth", "provider"):
        if oauth.provider not in providers:
            raise Problem(
                UserErrorCode.PROVIDER_NOT_SET_UP,
                f"This installation is not registered with {oauth.provider}: its operator has to set "
                f"DRUMBEAT_{oauth.provider}_CLIENT_ID.",
            )
    with problems.at("oauth", "refreshToken"):
        if not oauth.refresh_token.strip():
            raise Problem(UserErrorCode.BLANK, "Give the refresh token that the provider issued.")
        if len(oauth.refresh_token) > LONGEST_REFRESH_TOKEN:
            raise values.too_long(LONGEST_REFRESH_TOKEN)


def secrets(
    password: str | None, oauth: OAuthInput | None, *, vault: Vault, row_id: UUID
) -> dict[str, object]:
    """The columns of a mailbox that hold its one secret, encrypted; all empty if neither is given."""

    def sealed(secret: str | None) -> bytes | None:
        return vault.encrypt(secret, row_id=row_id) if secret else None

    return {
        "password_encrypted": sealed(password),
        "oauth_provider": str(oauth.provider) if oauth else None,
        "refresh_token_encrypted": sealed(oauth.refresh_token.strip() if oauth else None),
    }
