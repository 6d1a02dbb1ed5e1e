"""Identities: whom a provider vouches for, and why it does not."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """
    A person, as a provider knows them: *issuer* and *sub* together are one person for ever.

    Name and address may change; *is_verified* says that the address is the person's (OIDC Core §5.1, §5.7).
    """

    issuer: str
    sub: str
    name: str
    email: str
    is_verified: bool
    avatar_url: str | None = None


class IdentityRefused(Exception):
    """The provider vouches for nobody, or in a way that cannot be trusted: *reason* is for the person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class IdentityUnknown(Exception):
    """The provider cannot be asked at present; *detail* is for the operator."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
