"""The sender with a mailbox that logs in by OAuth: what its provider's answers do to email and mailbox."""

from typing import Any

import pytest
from sqlalchemy import Row, select, update
from structlog.testing import capture_logs

from actors.access_tokens import AccessTokens, Grant
from actors.grants import GrantKeeper
from domain.ids import MailboxId
from persistence.database import Database
from persistence.ids import uuid7
from persistence.tables import mailboxes, scheduled_emails
from tests.support.certificates import Certificate, self_signed
from tests.support.post_office import VAULT, make_campaign, post_office
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.token_provider import EXPIRED, REFRESH_TOKEN, TokenProvider, token_provider


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("tls"))


async def send_one(
    database: Database, certificate: Certificate, provider: TokenProvider, *access_tokens: str
) -> tuple[Row[Any], Row[Any]]:
    """Send one email at a server that takes *access_tokens*; the email and its mailbox afterwards."""
    mailbox_id = MailboxId(uuid7())
    async with ScriptedSmtpServer(tls_context=certificate.server, mechanisms="XOAUTH2") as server:
        server.access_tokens = set(access_tokens)
        campaign = await make_campaign(
            database,
            port=server.port,
            id=mailbox_id,
            security="STARTTLS",
            username="me@example.com",
            oauth_provider="GOOGLE",
            refresh_token_encrypted=VAULT.encrypt(REFRESH_TOKEN, row_id=mailbox_id),
        )
        tokens = AccessTokens(provider.client(), replaced=GrantKeeper(database, VAULT).replace)
        async with post_office(database, tls_context=certificate.trusting, tokens=tokens) as office:
            await office.send_due()
            return await office.email(campaign.email_ids[0]), await office.mailbox(mailbox_id)


async def test_a_mailbox_sends_by_its_grant(worker_db: Database, certificate: Certificate) -> None:
    """The stored refresh token is renewed for this mailbox and accepted; no log tells any token."""
    async with token_provider() as provider:
        with capture_logs() as logs:
            email, mailbox = await send_one(worker_db, certificate, provider, "access-1")

    assert (email.status, mailbox.status) == ("SENT", "ACTIVE")
    assert provider.forms[0]["refresh_token"] == REFRESH_TOKEN
    assert not any(secret in str(logs) for secret in (REFRESH_TOKEN, "access-1", "client-secret"))


async def test_a_consent_that_has_ended_sets_the_mailbox_aside(
    worker_db: Database, certificate: Certificate
) -> None:
    """NEEDS_AUTH in the provider's words; the email waits unharmed."""
    async with token_provider() as provider:
        provider.status, provider.answer = 400, EXPIRED
        email, mailbox = await send_one(worker_db, certificate, provider)

    assert (email.status, email.retry_count) == ("PENDING", 0)
    assert mailbox.status == "NEEDS_AUTH"
    assert mailbox.status_reason == "invalid_grant: Token has been expired or revoked."


async def test_a_new_token_that_is_refused_sets_the_mailbox_aside(
    worker_db: Database, certificate: Certificate
) -> None:
    """The mail server's 535, as with a password."""
    async with token_provider() as provider:
        email, mailbox = await send_one(worker_db, certificate, provider, "another")

    assert (email.status, mailbox.status) == ("PENDING", "NEEDS_AUTH")
    assert mailbox.status_reason == "5.7.8 Username and Password not accepted"


async def test_a_provider_that_is_away_costs_no_retry(worker_db: Database, certificate: Certificate) -> None:
    """Neither email nor mailbox is to blame: it comes again in five minutes."""
    async with token_provider() as provider:
        provider.status, provider.answer = 503, b""
        email, mailbox = await send_one(worker_db, certificate, provider)

    assert (email.status, email.retry_count, mailbox.status) == ("RETRYING", 0, "ACTIVE")
    assert email.last_error == "the token server answered 503"


async def test_a_replaced_refresh_token_is_written_down(
    worker_db: Database, certificate: Certificate
) -> None:
    """The next renewal uses the new one (RFC 6749 §6); it is nobody's change, so the version stays."""
    async with token_provider() as provider:
        provider.answer = {"access_token": "access", "expires_in": 3600, "refresh_token": "1//next"}
        email, mailbox = await send_one(worker_db, certificate, provider, "access")

    assert (email.status, mailbox.version) == ("SENT", 1)
    assert VAULT.decrypt(mailbox.refresh_token_encrypted, row_id=mailbox.id) == "1//next"


async def test_a_grant_given_meanwhile_is_not_overwritten(
    worker_db: Database, certificate: Certificate
) -> None:
    """Neither one that a person gave, nor the absence of one, nor one that cannot be read."""
    async with token_provider() as provider:
        _, mailbox = await send_one(worker_db, certificate, provider, "access-1")
    keeper = GrantKeeper(worker_db, VAULT)
    stale = Grant(mailbox.id, mailbox.oauth_provider, "1//before")
    columns = mailboxes.c

    await keeper.replace(stale, "1//late")
    after = await stored(worker_db)
    async with worker_db.transaction() as conn:
        await conn.execute(update(mailboxes).values(refresh_token_encrypted=b"\x01" + bytes(40)))
    with capture_logs() as logs:
        await keeper.replace(stale, "1//late")
    unreadable = await stored(worker_db)
    async with worker_db.transaction() as conn:
        await conn.execute(
            update(mailboxes).values({columns.refresh_token_encrypted: None, columns.oauth_provider: None})
        )
    await keeper.replace(stale, "1//late")

    assert after == mailbox.refresh_token_encrypted
    assert (unreadable, await stored(worker_db)) == (b"\x01" + bytes(40), None)
    assert [(log["event"], log["cause"]) for log in logs] == [("grant.not_replaced", "UnreadableSecret")]


async def stored(database: Database) -> bytes | None:
    async with database.transaction() as conn:
        found: bytes | None = await conn.scalar(select(mailboxes.c.refresh_token_encrypted))
    return found


async def test_a_grant_of_another_key_sets_the_mailbox_aside(worker_db: Database) -> None:
    """What cannot be decrypted is said of the mailbox, and nobody connects."""
    async with ScriptedSmtpServer() as server:
        campaign = await make_campaign(
            worker_db,
            port=server.port,
            username="me",
            oauth_provider="GOOGLE",
            refresh_token_encrypted=b"\x01" + bytes(40),
        )
        async with post_office(worker_db) as office:
            await office.send_due()
            mailbox = await office.mailbox(campaign.mailbox_id)
    async with worker_db.transaction() as conn:
        statuses = await conn.scalars(select(scheduled_emails.c.status))

        assert (mailbox.status, set(statuses), server.connections) == ("NEEDS_AUTH", {"PENDING"}, 0)
