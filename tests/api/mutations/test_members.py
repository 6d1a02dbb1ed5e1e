"""Members: how their roles change, and that they are gone at once."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from domain.access import MemberRole
from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.members import change_role, remove_member
from persistence.refusals import LastOwner
from persistence.tables import members
from tests.api.browser import Browser, MakeBrowser
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, refused
from tests.api.mutations.inviting import MEMBERS, VIEWER, invited, viewer
from tests.support.identity_provider import PERSON
from tests.support.world import make_member


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
