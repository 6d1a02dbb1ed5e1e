"""Grants that a provider renews: a refresh token that took the place of another is written down."""

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from actors.access_tokens import Grant
from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.mailbox_grants import lock_refresh_token, store_refresh_token
from persistence.vault import UnreadableSecret, Vault

log = structlog.get_logger(__name__)


class GrantKeeper:
    """Keeps the refresh tokens of mailboxes as providers replace them."""

    def __init__(self, database: Database, vault: Vault, *, workspace_id: WorkspaceId | None = None) -> None:
        """Without *workspace_id* it is for those who see all of them."""
        self._database = database
        self._vault = vault
        self._workspace_id = workspace_id

    async def replace(self, grant: Grant, refresh_token: str) -> None:
        """
        Store *refresh_token* in place of *grant*'s, unless the mailbox was given another one meanwhile.

        A database that is away loses it: the old one still serves until its own end, and is replaced again.
        """
        row_id = grant.mailbox_id
        try:
            async with self._database.transaction(self._workspace_id) as conn:
                stored = await lock_refresh_token(conn, row_id)
                if stored is None or self._vault.decrypt(stored, row_id=row_id) != grant.refresh_token:
                    return
                encrypted = self._vault.encrypt(refresh_token, row_id=row_id)
                await store_refresh_token(conn, row_id, encrypted=encrypted)
        except (DBAPIError, NoConnectionFree, UnreadableSecret) as failure:
            log.warning("grant.not_replaced", mailbox_id=str(row_id), cause=type(failure).__name__)
