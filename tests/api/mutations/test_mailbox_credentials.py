"""How a mailbox logs in, through the API: by password or by OAuth, one of them, and never shown again."""

from typing import Any

import pytest

from api.context import Services
from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, mailbox, refused
from tests.support.world import make_mailbox

MINIMAL = {"email": "outreach@example.com", "host": "smtp.gmail.com", "zone": "Europe/Berlin"}
GOOGLE = {"provider": "GOOGLE", "refreshToken": "1//refresh-me"}
KIND = "mailbox { authentication oauthProvider username }"


async def test_a_mailbox_logs_in_by_oauth(api: ApiClient, services: Services, worker_db: Database) -> None:
    """By its address, if no name is given; the refresh token is kept so that only this row's id opens it."""
    payload = await done(
        api, "createMailbox", KIND, **MINIMAL, oauth=GOOGLE | {"refreshToken": " 1//refresh-me\n"}
    )

    assert payload["mailbox"] == {
        "authentication": "OAUTH",
        "oauthProvider": "GOOGLE",
        "username": "outreach@example.com",
    }
    [row] = (await everything(worker_db))["mailboxes"]
    assert b"refresh-me" not in row.refresh_token_encrypted
    assert services.vault.decrypt(row.refresh_token_encrypted, row_id=row.id) == "1//refresh-me"
    assert row.password_encrypted is None


async def test_the_kind_of_login_is_shown(api: ApiClient) -> None:
    """Without any credentials there is no login."""
    without = await done(api, "createMailbox", KIND, **MINIMAL)
    by_password = await done(
        api, "createMailbox", KIND, **MINIMAL | {"email": "other@example.com"}, password="hunter2"
    )

    assert without["mailbox"] == {"authentication": "NONE", "oauthProvider": None, "username": None}
    assert by_password["mailbox"]["authentication"] == "PASSWORD"


async def test_a_grant_takes_the_place_of_a_password_and_back(api: ApiClient, worker_db: Database) -> None:
    """Each forgets the other; the name to log in with stays."""
    created = await done(api, "createMailbox", "mailbox { id }", **MINIMAL, username="me", password="hunter2")
    which = {"mailboxId": created["mailbox"]["id"]}

    by_oauth = await done(api, "updateMailbox", KIND, **which, oauth=GOOGLE)
    [with_grant] = (await everything(worker_db))["mailboxes"]
    by_password = await done(api, "updateMailbox", KIND, **which, password="hunter3")
    [with_password] = (await everything(worker_db))["mailboxes"]

    assert by_oauth["mailbox"] == {"authentication": "OAUTH", "oauthProvider": "GOOGLE", "username": "me"}
    assert (with_grant.password_encrypted, with_password.refresh_token_encrypted) == (None, None)
    assert by_password["mailbox"] == {"authentication": "PASSWORD", "oauthProvider": None, "username": "me"}


async def test_a_mailbox_without_a_login_gets_its_address_as_name(
    api: ApiClient, worker_db: Database
) -> None:
    """As when it is created with a grant."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, email="me@example.com")

    payload = await done(api, "updateMailbox", KIND, mailboxId=mailbox(key), oauth=GOOGLE)

    assert payload["mailbox"]["username"] == "me@example.com"


async def test_a_new_grant_brings_a_refused_mailbox_back(api: ApiClient, worker_db: Database) -> None:
    """And replans what waited for it."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, status="NEEDS_AUTH", status_reason="invalid_grant")

    payload = await done(
        api,
        "updateMailbox",
        "mailbox { status statusReason } recalculation { cause }",
        mailboxId=mailbox(key),
        oauth=GOOGLE,
    )

    assert payload["mailbox"] == {"status": "ACTIVE", "statusReason": None}
    assert payload["recalculation"] == {"cause": "MAILBOX_RESUMED"}


async def test_a_grant_can_be_taken_away(api: ApiClient, worker_db: Database) -> None:
    """Null forgets it, and so does taking the mailbox out of use."""
    created = await done(api, "createMailbox", "mailbox { id }", **MINIMAL, oauth=GOOGLE)
    which = {"mailboxId": created["mailbox"]["id"]}

    await done(api, "updateMailbox", KIND, **which, oauth=None)
    [taken_away] = (await everything(worker_db))["mailboxes"]
    await done(api, "updateMailbox", KIND, **which, oauth=GOOGLE)
    await done(api, "removeMailbox", KIND, **which)
    [removed] = (await everything(worker_db))["mailboxes"]

    for row in (taken_away, removed):
        assert (row.oauth_provider, row.refresh_token_encrypted) == (None, None)


async def test_forgetting_one_secret_leaves_the_other(api: ApiClient, worker_db: Database) -> None:
    """Null names what is forgotten: a password that is not there, or a grant that is not."""
    created = await done(api, "createMailbox", "mailbox { id }", **MINIMAL, oauth=GOOGLE)
    which = {"mailboxId": created["mailbox"]["id"]}

    without_password = await done(api, "updateMailbox", KIND, **which, password=None)
    await done(api, "updateMailbox", KIND, **which, password="hunter2")
    without_grant = await done(api, "updateMailbox", KIND, **which, oauth=None)

    [row] = (await everything(worker_db))["mailboxes"]
    assert without_password["mailbox"]["authentication"] == "OAUTH"
    assert without_grant["mailbox"]["authentication"] == "PASSWORD"
    assert row.password_encrypted is not None


WRONG = [
    (
        {"password": "hunter2", "oauth": GOOGLE},
        error("AMBIGUOUS_CREDENTIALS", "oauth", "A mailbox logs in by password or by OAuth, not by both."),
    ),
    (
        {"oauth": GOOGLE | {"provider": "MICROSOFT"}},
        error(
            "PROVIDER_NOT_SET_UP",
            "oauth.provider",
            "This installation is not registered with MICROSOFT: its operator has to set "
            "DRUMBEAT_MICROSOFT_CLIENT_ID.",
        ),
    ),
    (
        {"oauth": GOOGLE | {"refreshToken": " "}},
        error("BLANK", "oauth.refreshToken", "Give the refresh token that the provider issued."),
    ),
    (
        {"oauth": GOOGLE | {"refreshToken": "a" * 8_001}},
        error("TOO_LONG", "oauth.refreshToken", "It is longer than 8000 characters."),
    ),
]


@pytest.mark.parametrize(("given", "wrong"), WRONG)
async def test_credentials_that_cannot_be_used_are_refused(
    api: ApiClient, worker_db: Database, given: dict[str, Any], wrong: dict[str, object]
) -> None:
    """Whether the mailbox is new or not, each with its place and what to do, and nothing is written."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id)

    assert await refused(api, worker_db, "createMailbox", **MINIMAL, **given) == [wrong]
    assert await refused(api, worker_db, "updateMailbox", mailboxId=mailbox(key), **given) == [wrong]
