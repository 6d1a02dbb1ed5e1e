"""Trying a mailbox through the API: its server is asked, nothing is sent, and nothing is changed."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from api.context import MailboxFinding, Services
from app.mailbox_checks import MailboxChecker
from app.settings import Settings
from domain.ids import MailboxId, WorkspaceId
from domain.replies import Stage
from persistence.attempts import Login
from persistence.database import Database
from persistence.ids import uuid7
from persistence.vault import Vault
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, mailbox, refused
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.world import make_mailbox

FOUND = "passed stage message mailbox { id status }"


@pytest.fixture
async def services(services: Services) -> Services:
    """With the check that a real process has, and mail servers on this machine allowed."""
    settings = Settings(smtp_allow_networks=(ip_network("127.0.0.0/8"),))
    return replace(services, check_mailbox=MailboxChecker(settings, services.database, services.vault))


async def _log_in(api: ApiClient, key: MailboxId, *, password: str) -> None:
    login = {"username": "me", "password": password}
    await done(api, "updateMailbox", "mailbox { id }", mailboxId=mailbox(key), **login)


async def test_a_mailbox_that_works_is_told_so(
    api: ApiClient, worker_db: Database, services: Services
) -> None:
    """With its own password; no email is sent, and only the audit log tells of it."""
    async with ScriptedSmtpServer(password="secret") as server:
        async with worker_db.transaction() as conn:
            key = await make_mailbox(conn, api.workspace_id, port=server.port, status="PAUSED")
        await done(
            api, "updateMailbox", "mailbox { id }", mailboxId=mailbox(key), username="me", password="secret"
        )
        before = await everything(worker_db)

        found = await done(api, "testMailbox", FOUND, mailboxId=mailbox(key))

    after = await everything(worker_db)
    assert found["passed"] is True
    assert found["stage"] is None
    assert found["message"] == f"127.0.0.1 port {server.port} answered and took the login of me."
    assert found["mailbox"] == {"id": mailbox(key), "status": "PAUSED"}
    assert server.verbs() == ["EHLO", "AUTH", "NOOP", "QUIT"]
    assert [entry.after for entry in after.pop("audit_log")][-1] == {"passed": 1}
    assert after == {table: rows for table, rows in before.items() if table != "audit_log"}


async def test_a_wrong_password_is_explained(api: ApiClient, worker_db: Database) -> None:
    """The mailbox stays as it is: it was nobody's attempt to send."""
    async with ScriptedSmtpServer(password="right") as server:
        async with worker_db.transaction() as conn:
            key = await make_mailbox(conn, api.workspace_id, port=server.port)
        await done(
            api, "updateMailbox", "mailbox { id }", mailboxId=mailbox(key), username="me", password="wrong"
        )

        found = await done(api, "testMailbox", FOUND, mailboxId=mailbox(key))

    assert (found["passed"], found["stage"], found["mailbox"]["status"]) == (False, "AUTH", "ACTIVE")
    assert "refused the login of me: 535" in found["message"]


async def test_a_host_inside_the_network_is_not_connected_to(api: ApiClient, worker_db: Database) -> None:
    """Hosts come from users: 169.254.169.254 is where clouds tell secrets."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, host="169.254.169.254", port=25, security="STARTTLS")

    found = await done(api, "testMailbox", FOUND, mailboxId=mailbox(key))

    assert (found["passed"], found["stage"]) == (False, "CONNECT")
    assert found["message"].startswith("Drumbeat does not connect to 169.254.169.254 port 25:")


async def test_a_secret_under_another_key_is_told(services: Services) -> None:
    """It can be neither used nor shown."""
    checker = MailboxChecker(Settings(), services.database, Vault(b"another key" * 3))
    key = MailboxId(uuid7())
    sealed = services.vault.encrypt("secret", row_id=key)

    found = await checker(WorkspaceId(key), key, Login("127.0.0.1", 25, "NONE", "me", sealed))

    assert found == MailboxFinding(
        passed=False,
        stage=Stage.AUTH,
        words="Its secret was written under another DRUMBEAT_SECRET_KEY: give it a new one.",
    )


async def test_a_removed_mailbox_is_not_tried(api: ApiClient, worker_db: Database) -> None:
    """Its secrets are forgotten."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, status="REMOVED")

    errors = await refused(api, worker_db, "testMailbox", mailboxId=mailbox(key))

    assert errors == [error("WRONG_STATUS", "mailboxId", "The mailbox's status is REMOVED.")]
