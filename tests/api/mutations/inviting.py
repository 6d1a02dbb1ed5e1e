"""People who were invited, and what they see."""

from typing import Any

from domain.access import MemberRole
from tests.api.browser import Browser
from tests.api.client import ApiClient
from tests.api.mutations.asking import done

VIEWER = "{ viewer { email role scopes workspace { id } } }"
MEMBERS = "{ members { nodes { id name email avatarUrl role } } }"


async def invited(api: ApiClient, browser: Browser, role: MemberRole = MemberRole.MEMBER) -> Browser:
    """The browser of a person who was invited to the workspace of *api*, and logged in."""
    await done(api, "inviteMember", "invitation { id }", email="first.person@EXAMPLE.com", role=role)
    await browser.log_in()
    return browser


async def viewer(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = (await browser.data(VIEWER))["viewer"]
    return found
