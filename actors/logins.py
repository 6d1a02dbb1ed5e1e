"""Logins of mailboxes, as they are stored, and the endpoints that they open."""

from actors.access_tokens import Grant
from actors.endpoints import Endpoint
from domain.credentials import OAuthProvider
from domain.ids import MailboxId
from domain.mailboxes import Security
from persistence.attempts import Login
from persistence.vault import Vault


def endpoint_of(login: Login, mailbox_id: MailboxId, vault: Vault) -> Endpoint:
    """
    The endpoint of *mailbox_id*, with its secret in the clear.

    Raises:
        UnreadableSecret: It was written under another key.
    """
    password, grant = "", None
    if login.password_encrypted is not None:
        password = vault.decrypt(login.password_encrypted, row_id=mailbox_id)
    if login.oauth_provider is not None and login.refresh_token_encrypted is not None:
        refresh_token = vault.decrypt(login.refresh_token_encrypted, row_id=mailbox_id)
        grant = Grant(mailbox_id, OAuthProvider(login.oauth_provider), refresh_token)
    return Endpoint(login.host, login.port, Security(login.security), login.username or "", password, grant)
