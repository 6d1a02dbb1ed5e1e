"""Members: how they are invited, what each role may do, and that they are gone at once."""

import asyncio
from typing import Any

import graphql
import pytest
from sqlalchemy import select, text, update

from api.ids import global_id
from api.schema import print_sdl
from domain.access import MemberRole
from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.members import change_role, remove_member
from persistence.refusals import LastOwner
from persistence.tables import invitations, members
from tests.api.browser import Browser, MakeBrowser
from tests.api.client import ApiClient
from tests.api.examples import example
from tests.api.mutations.asking import done, error, everything, mutate, refused
from tests.support.identity_provider import PERSON, FakeIdentities
from tests.support.world import make_member

VIEWER = "{ viewer { email role scopes workspace { id } } }"
MEMBERS = "{ members { nodes { id name email avatarUrl role } } }"
SCHEMA = graphql.build_schema(print_sdl())


async def invited(api: ApiClient, browser: Browser, role: MemberRole = MemberRole.MEMBER) -> Browser:
    """The browser of a person who was invited to the workspace of *api*, and logged in."""
    await done(api, "inviteMember", "invitation { id }", email="first.person@EXAMPLE.com", role=role)
    await browser.log_in()
    return browser


async def viewer(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = (await browser.data(VIEWER))["viewer"]
    return found


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


async def test_a_viewer_changes_nothing(api: ApiClient, browser: Browser, worker_db: Database) -> None:
    """Every mutation of the schema refuses them; they see everything."""
    await invited(api, browser, MemberRole.VIEWER)
    before = await everything(worker_db)

    codes = {await _code(browser, mutation) for mutation in _mutations()}

    assert codes == {"FORBIDDEN"}
    assert await everything(worker_db) == before
    assert len((await browser.data(MEMBERS))["members"]["nodes"]) == 1


async def test_a_member_manages_neither_members_nor_keys(
    api: ApiClient, browser: Browser, worker_db: Database
) -> None:
    """What they may not do is what owners may do besides."""
    await invited(api, browser, MemberRole.MEMBER)

    forbidden = {mutation for mutation in _mutations() if await _code(browser, mutation) == "FORBIDDEN"}

    assert forbidden == {
        "createApiKey",
        "revokeApiKey",
        "inviteMember",
        "revokeInvitation",
        "updateMember",
        "removeMember",
    }


def _mutations() -> list[str]:
    assert SCHEMA.mutation_type is not None
    return sorted(SCHEMA.mutation_type.fields)


async def _code(browser: Browser, mutation: str) -> str:
    """The code of the error that *mutation* is answered with, with an input that names nothing."""
    assert SCHEMA.mutation_type is not None
    kind = SCHEMA.mutation_type.fields[mutation].args["input"].type
    document = f"mutation ($input: {kind}) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}"
    answer = (await browser.post(document, input=example(kind))).json()
    return str(answer["errors"][0]["extensions"]["code"]) if "errors" in answer else "NONE"


async def test_a_role_holds_from_the_next_request_on(
    api: ApiClient, browser: Browser, make_browser: MakeBrowser
) -> None:
    """In the session that is open, at every process."""
    await invited(api, browser, MemberRole.VIEWER)
    elsewhere = await make_browser()
    elsewhere.http.cookies.update(browser.http.cookies)
    [member] = (await api.data(MEMBERS))["members"]["nodes"]

    changed = await done(api, "updateMember", "member { id role }", memberId=member["id"], role="OWNER")

    assert changed["member"] == {"id": member["id"], "role": "OWNER"}
    assert (await viewer(elsewhere))["scopes"] == ["READ", "WRITE", "ADMIN"]


async def test_who_is_removed_is_out_at_once(
    api: ApiClient, browser: Browser, make_browser: MakeBrowser, worker_db: Database
) -> None:
    """Their session is gone, at every process."""
    await invited(api, browser)
    elsewhere = await make_browser()
    elsewhere.http.cookies.update(browser.http.cookies)
    [member] = (await api.data(MEMBERS))["members"]["nodes"]
    assert member | {"id": ""} == {
        "id": "",
        "name": PERSON["name"],
        "email": PERSON["email"],
        "avatarUrl": PERSON["picture"],
        "role": "MEMBER",
    }

    await done(api, "removeMember", "", memberId=member["id"])

    assert (await elsewhere.post(VIEWER)).status_code == 401
    assert (await everything(worker_db))["sessions"] == []
    assert await refused(api, worker_db, "removeMember", memberId=member["id"]) == [
        error("NOT_FOUND", "memberId", "There is no member with this id.")
    ]


async def test_a_workspace_keeps_an_owner(browser: Browser, worker_db: Database) -> None:
    """The only one neither leaves nor becomes less."""
    await browser.log_in()
    [member] = (await browser.data(MEMBERS))["members"]["nodes"]
    told = [
        error("LAST_OWNER", "memberId", "The workspace has no other owner; make somebody else one first.")
    ]
    before = await everything(worker_db)

    for what in (
        "removeMember(input: {memberId: $id})",
        "updateMember(input: {memberId: $id, role: MEMBER})",
    ):
        document = f"mutation ($id: ID!) {{ done: {what} {{ userErrors {{ code message path }} }} }}"
        assert (await browser.data(document, id=member["id"]))["done"]["userErrors"] == told

    assert await everything(worker_db) == before


@pytest.mark.parametrize("how", ["both leave", "both become less"])
async def test_two_owners_cannot_let_each_other_go_at_once(
    api_db: Database, worker_db: Database, api: ApiClient, how: str
) -> None:
    """Two transactions at the same moment: one of them is told that it is the last."""
    async with worker_db.transaction() as conn:
        owners = [await make_member(conn, api.workspace_id) for _ in range(2)]

    async def go(workspace_id: WorkspaceId, member_id: Any) -> bool:
        try:
            async with api_db.transaction(workspace_id) as conn:
                if how == "both leave":
                    await remove_member(conn, workspace_id, member_id)
                else:
                    await change_role(conn, workspace_id, member_id, MemberRole.MEMBER)
                await asyncio.sleep(0.2)
        except LastOwner:
            return False
        return True

    done_ = await asyncio.gather(*(go(api.workspace_id, each) for each in owners))

    async with api_db.transaction(api.workspace_id) as conn:
        left = list(await conn.scalars(select(members.c.role).where(members.c.role == MemberRole.OWNER)))
    assert sorted(done_) == [False, True]
    assert left == ["OWNER"]


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
