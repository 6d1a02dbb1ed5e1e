"""How mailboxes log in, as enums of the API. Whoever uses them imports them from here."""

from api.vocabulary import described
from domain.credentials import Authentication, OAuthProvider

__all__ = ["Authentication", "OAuthProvider"]

described(
    Authentication,
    description="How a mailbox logs in to its server.",
    values={
        Authentication.NONE: "Not at all.",
        Authentication.PASSWORD: "By user name and password.",
        Authentication.OAUTH: "By access tokens of its provider (SASL XOAUTH2).",
    },
)

described(
    OAuthProvider,
    description="Who issues access tokens to mailboxes that log in by OAuth.",
    values={
        OAuthProvider.GOOGLE: "Gmail and Google Workspace.",
        OAuthProvider.MICROSOFT: "Outlook.com and Microsoft 365.",
    },
)
