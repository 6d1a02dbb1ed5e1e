"""Roles: what viewers, members and owners may do, mutation by mutation."""

from domain.access import MemberRole
from persistence.database import Database
from tests.api.browser import Browser
from tests.api.client import ApiClient
from tests.api.examples import example
from tests.api.mutations.asking import everything
from tests.api.mutations.inviting import MEMBERS, invited
from tests.api.published import SCHEMA


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
