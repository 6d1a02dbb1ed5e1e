"""The providers of OAuth 2 and OpenID Connect that this installation is registered with."""

from collections.abc import Mapping

from actors.identity_provider import Client, OpenIdProvider
from actors.token_server import TokenEndpoint
from app.misconfiguration import Misconfigured
from app.setting_sources import variable
from app.setting_values import is_private
from app.settings import Settings
from domain.credentials import OAuthProvider

# What lets Microsoft's SMTP servers take the token; without it, one for another of its services may come.
_MICROSOFT_SCOPE = "https://outlook.office.com/SMTP.Send offline_access"


def token_endpoints(settings: Settings) -> Mapping[OAuthProvider, TokenEndpoint]:
    """The token endpoint of each provider whose client id is set."""
    endpoints = {
        OAuthProvider.GOOGLE: TokenEndpoint(
            settings.google_token_url, settings.google_client_id, settings.google_client_secret
        ),
        OAuthProvider.MICROSOFT: TokenEndpoint(
            settings.microsoft_token_url,
            settings.microsoft_client_id,
            settings.microsoft_client_secret,
            scope=_MICROSOFT_SCOPE,
        ),
    }
    return {provider: endpoint for provider, endpoint in endpoints.items() if endpoint.client_id}


def identity_provider(settings: Settings) -> OpenIdProvider | None:
    """Who vouches for people who log in; None if there is no login for people."""
    if not settings.google_login_client_id:
        return None
    if not is_private(settings.public_url):
        reason = "has to begin with https:// where people log in: browsers keep no cookie of theirs otherwise"
        raise Misconfigured([f"{variable('public_url')}: {reason}"])
    client = Client(
        settings.google_login_issuer, settings.google_login_client_id, settings.google_login_client_secret
    )
    return OpenIdProvider(client, allow=settings.smtp_allow_networks)
