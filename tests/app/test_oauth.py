"""Logins by OAuth, from the settings of an installation to an email that is sent."""

import pytest
from dramatiq import Message

from actors.in_process_broker import InProcessBroker
from actors.queues import DISPATCHER, SENDER
from actors.token_server import TokenEndpoint
from app.business_clock import SteppingClock
from app.misconfiguration import Misconfigured
from app.oauth import identity_provider, token_endpoints
from app.settings import Settings
from app.workshop import Workshop
from domain.credentials import OAuthProvider
from domain.ids import MailboxId
from persistence.database import Database
from persistence.ids import uuid7
from persistence.vault import Vault
from tests.support.handovers import LOOPBACK
from tests.support.post_office import make_campaign
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.token_provider import token_provider
from tests.support.world import MONDAY

KEY = "0123456789abcdef0123456789abcdef"


def test_a_provider_is_set_up_by_its_client_id() -> None:
    """Microsoft's is asked for a token that its SMTP servers take; a public client has no secret."""
    google = Settings(google_client_id="us", google_client_secret="hush")
    microsoft = Settings(microsoft_client_id="us")

    assert token_endpoints(Settings()) == {}
    assert token_endpoints(google) == {
        OAuthProvider.GOOGLE: TokenEndpoint("https://oauth2.googleapis.com/token", "us", "hush")
    }
    assert token_endpoints(microsoft) == {
        OAuthProvider.MICROSOFT: TokenEndpoint(
            "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            "us",
            scope="https://outlook.office.com/SMTP.Send offline_access",
        )
    }


def test_people_log_in_where_it_is_set_up() -> None:
    """By a client id; without one there are API keys alone."""
    registered = Settings(public_url="https://mail.example.com", google_login_client_id="us")

    assert identity_provider(Settings()) is None
    assert identity_provider(registered) is not None


def test_people_log_in_over_tls_alone() -> None:
    """Browsers would not keep the session's cookie; on one's own machine they do."""
    plain = Settings(public_url="http://mail.example.com", google_login_client_id="us")
    local = Settings(public_url="http://localhost:8000", google_login_client_id="us")

    with pytest.raises(Misconfigured) as refused:
        identity_provider(plain)

    [problem] = refused.value.problems
    assert problem.startswith("DRUMBEAT_PUBLIC_URL: has to begin with https:// where people log in")
    assert identity_provider(local) is not None


async def test_a_worker_sends_by_the_settings(worker_db: Database, database_url: str) -> None:
    """The workshop's own sender renews access at the provider that is set, and logs in."""
    await SteppingClock(worker_db).step_to(MONDAY)
    mailbox_id = MailboxId(uuid7())
    broker = InProcessBroker(retry_schedule=(), now=lambda: MONDAY)
    broker.declare_all()
    async with token_provider() as provider, ScriptedSmtpServer(mechanisms="XOAUTH2") as server:
        server.access_tokens = {"access-1"}
        await make_campaign(
            worker_db,
            port=server.port,
            id=mailbox_id,
            username="me@example.com",
            oauth_provider="GOOGLE",
            refresh_token_encrypted=Vault(KEY.encode()).encrypt("1//refresh", row_id=mailbox_id),
        )
        settings = Settings(
            database_url=database_url,
            secret_key=KEY,
            google_client_id="us",
            google_token_url=provider.url(),
            smtp_allow_networks=tuple(LOOPBACK),
            business_clock="stepping",
        )
        workshop = Workshop(settings, lambda: broker)
        await workshop.open()
        await workshop.actors[DISPATCHER](None)
        message = Message.decode(broker.queues[SENDER].get_nowait())
        await workshop.actors[SENDER](*message.args)
        await workshop.close()

    assert [form["refresh_token"] for form in provider.forms] == ["1//refresh"]
    assert len(server.accepted) == 1
