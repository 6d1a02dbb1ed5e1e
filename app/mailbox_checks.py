"""Checks of mailboxes for the API, which itself speaks no SMTP."""

from actors.access_tokens import AccessTokens
from actors.grants import GrantKeeper
from actors.logins import endpoint_of
from actors.mailbox_check import check
from actors.token_server import HttpTokenServer
from api.context import MailboxFinding
from app.oauth import token_endpoints
from app.settings import Settings
from domain.ids import MailboxId, WorkspaceId
from domain.replies import Stage
from persistence.attempts import Login
from persistence.database import Database
from persistence.vault import UnreadableSecret, Vault

# Of connecting and logging in together; the sign of life after it may take as long once more.
_TIMEOUT_S = 4.0


class MailboxChecker:
    """Connects to the server of a mailbox, and logs in as that would when it sends."""

    def __init__(self, settings: Settings, database: Database, vault: Vault) -> None:
        self._allow = settings.smtp_allow_networks
        self._token_server = HttpTokenServer(token_endpoints(settings), allow=self._allow)
        self._database = database
        self._vault = vault

    async def __call__(
        self, workspace_id: WorkspaceId, mailbox_id: MailboxId, login: Login
    ) -> MailboxFinding:
        try:
            endpoint = endpoint_of(login, mailbox_id, self._vault)
        except UnreadableSecret:
            words = "Its secret was written under another DRUMBEAT_SECRET_KEY: give it a new one."
            return MailboxFinding(passed=False, stage=Stage.AUTH, words=words)
        keeper = GrantKeeper(self._database, self._vault, workspace_id=workspace_id)
        tokens = AccessTokens(self._token_server, replaced=keeper.replace)
        found = await check(endpoint, allow=self._allow, timeout_s=_TIMEOUT_S, tokens=tokens)
        return MailboxFinding(passed=found.has_passed, stage=found.stage, words=found.words)
