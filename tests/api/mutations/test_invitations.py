"""Invitations: whom they bring in, and whom not."""

import asyncio

import pytest
from sqlalchemy import text, update

from api.ids import global_id
from domain.access import MemberRole
from persistence.database import Database
from persistence.tables import invitations
from tests.api.browser import Browser, MakeBrowser
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, mutate, refused
from tests.api.mutations.inviting import MEMBERS, invited, viewer
from tests.support.identity_provider import PERSON, FakeIdentities


async def test_who_was_invited_joins_instead_of_founding(
    api: ApiClient, browser: Browser, worker_db: Database
) -> None:
    """By the address in any case; the invitation is used up."""
    await invited(api, browser)

    who = await viewer(browser)
    rows = await everything(worker_db)
    assert who["workspace"]["id"] == global_id("Workspace", api.workspace_id)
    assert (who["role"], who["scopes"]) == ("MEMBER", ["READ", "WRITE"])
    assert (len(rows["workspaces"]), len(rows["members"]), rows["invitations"]) == (1, 1, [])


@pytest.mark.parametrize("verified", [False, "true", None])
async def test_an_address_that_is_not_verified_joins_nothing(
    api: ApiClient, browser: Browser, identities: FakeIdentities, worker_db: Database, verified: object
) -> None:
    """Whoever claims it gets a workspace of their own, and the invitation waits for its owner."""
    identities.person = {**PERSON, "email_verified": verified}
    await invited(api, browser)

    assert (await viewer(browser))["workspace"]["id"] != global_id("Workspace", api.workspace_id)
    assert len((await everything(worker_db))["invitations"]) == 1


async def test_where_nobody_founds_by_logging_in_only_invited_people_come_in(
    api: ApiClient, worker_db: Database, make_browser: MakeBrowser
) -> None:
    """Nothing is kept of the others."""
    closed = await make_browser(login_founds=False)

    refused_ = await closed.log_in()
    rows = await everything(worker_db)
    await invited(api, closed)

    assert (refused_.status_code, "Because nobody has invited you." in refused_.text) == (400, True)
    assert (rows["users"], rows["sessions"], len(rows["workspaces"])) == ([], [], 1)
    assert (await viewer(closed))["role"] == "MEMBER"


async def test_an_invitation_that_is_over_brings_nobody_in(
    api: ApiClient, browser: Browser, worker_db: Database
) -> None:
    """After two weeks; it is not listed either."""
    await done(api, "inviteMember", "invitation { id }", email=PERSON["email"])
    async with worker_db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(update(invitations).values(expires_at=text("now()")))

    await browser.log_in()

    assert (await api.data("{ invitations { totalCount } }"))["invitations"]["totalCount"] == 0
    assert (await viewer(browser))["workspace"]["id"] != global_id("Workspace", api.workspace_id)


async def test_an_invitation_that_was_taken_back_brings_nobody_in(api: ApiClient, browser: Browser) -> None:
    """Taking it back twice finds none."""
    made = await done(
        api, "inviteMember", "invitation { id email role }", email=PERSON["email"], role="VIEWER"
    )
    given = {"invitationId": made["invitation"]["id"]}

    await done(api, "revokeInvitation", "", **given)
    again = await mutate(api, "revokeInvitation", **given)
    await browser.log_in()

    assert (
        made["invitation"] | given
        == {"id": given["invitationId"], "email": PERSON["email"], "role": "VIEWER"} | given
    )
    assert again["userErrors"] == [error("NOT_FOUND", "invitationId", "There is no invitation with this id.")]
    assert (await viewer(browser))["workspace"]["id"] != global_id("Workspace", api.workspace_id)


async def test_an_address_is_invited_once(api: ApiClient) -> None:
    """The second time changes the role of the same invitation."""
    first = await done(api, "inviteMember", "invitation { id }", email="a@example.com")
    second = await done(api, "inviteMember", "invitation { id }", email="A@example.com", role="OWNER")

    data = await api.data("{ invitations { nodes { id email role } } }")

    assert first == second
    assert data["invitations"]["nodes"] == [
        {"id": first["invitation"]["id"], "email": "A@example.com", "role": "OWNER"}
    ]


async def test_an_invitation_takes_nobody_out_of_their_workspace(
    api: ApiClient, stranger: ApiClient, browser: Browser
) -> None:
    """Anybody may invite anybody: it waits until the person has no workspace any more."""
    await invited(api, browser)
    [member] = (await api.data(MEMBERS))["members"]["nodes"]

    await invited(stranger, browser, MemberRole.VIEWER)
    stayed = (await viewer(browser))["workspace"]["id"]
    await done(api, "removeMember", "", memberId=member["id"])
    await browser.log_in()

    assert stayed == global_id("Workspace", api.workspace_id)
    assert (await viewer(browser))["workspace"]["id"] == global_id("Workspace", stranger.workspace_id)


async def test_of_two_invitations_the_last_one_counts(
    api: ApiClient, stranger: ApiClient, browser: Browser, worker_db: Database
) -> None:
    """A person is in one workspace; the other invitation waits."""
    await done(api, "inviteMember", "invitation { id }", email=PERSON["email"])
    await done(stranger, "inviteMember", "invitation { id }", email=PERSON["email"])

    await browser.log_in()

    rows = await everything(worker_db)
    assert (await viewer(browser))["workspace"]["id"] == global_id("Workspace", stranger.workspace_id)
    assert [row.workspace_id for row in rows["invitations"]] == [api.workspace_id]


async def test_two_first_logins_at_once_make_one_workspace(
    make_browser: MakeBrowser, worker_db: Database
) -> None:
    """The same person in two browsers."""
    browsers = [await make_browser() for _ in range(2)]
    links = [await browser.consent() for browser in browsers]

    answers = await asyncio.gather(
        *(browser.http.get(link) for browser, link in zip(browsers, links, strict=True))
    )

    rows = await everything(worker_db)
    assert [answer.status_code for answer in answers] == [303, 303]
    assert [len(rows[table]) for table in ("users", "workspaces", "members", "sessions")] == [1, 1, 1, 2]


async def test_an_address_that_is_none_is_not_invited(api: ApiClient, worker_db: Database) -> None:
    """As everywhere."""
    assert await refused(api, worker_db, "inviteMember", email="nobody at example.com") == [
        error("INVALID_ADDRESS", "email", "An email address must have an @-sign.")
    ]
