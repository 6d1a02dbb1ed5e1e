"""The providers of OAuth 2 that this installation is registered with."""

from collections.abc import Mapping

from actors.token_server import TokenEndpoint
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
