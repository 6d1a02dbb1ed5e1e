"""Logging in at a provider: whom it vouches for, and every answer that is not to be trusted."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import select, text

from api.cookies import LOGIN, SESSION
from persistence.database import Database
from persistence.tables import users
from tests.api.browser import Browser, MakeBrowser
from tests.api.mutations.asking import everything
from tests.support.identity_provider import CLIENT_ID, PERSON, FakeIdentities

VIEWER = "{ viewer { name email avatarUrl role scopes workspace { id name } } }"


async def test_the_first_login_makes_a_workspace(browser: Browser) -> None:
    """The person owns it, and is who the provider says."""
    answered = await browser.log_in()
    data = await browser.data(VIEWER)

    assert (answered.status_code, answered.headers["location"]) == (303, "/")
    assert data["viewer"].pop("workspace")["name"] == "First Person"
    assert data["viewer"] == {
        "name": "First Person",
        "email": "First.Person@example.com",
        "avatarUrl": "https://pictures.example.com/first",
        "role": "OWNER",
        "scopes": ["READ", "WRITE", "ADMIN"],
    }


async def test_the_browser_is_sent_with_everything_that_binds_the_login(
    browser: Browser, identities: FakeIdentities
) -> None:
    """PKCE, state and nonce; the address to come back to is the public one, whatever the Host is."""
    begun = await browser.http.get("/auth/google/start", headers={"Host": "evil.example"})

    url = urlsplit(begun.headers["location"])
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    lengths = {name: len(asked.pop(name)) for name in ("state", "nonce", "code_challenge")}
    assert begun.status_code == 303
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{identities.issuer}/authorize"
    assert asked == {
        "response_type": "code",
        "scope": "openid email profile",
        "client_id": CLIENT_ID,
        "redirect_uri": "https://mail.example.com/auth/google/callback",
        "code_challenge_method": "S256",
    }
    assert lengths == {"state": 43, "nonce": 43, "code_challenge": 43}


async def test_cookies_are_out_of_reach_of_scripts_and_other_hosts(browser: Browser) -> None:
    """`__Host-`, Secure, HttpOnly, SameSite=Lax, for every path; the login's is taken away at the end."""
    begun = await browser.http.get("/auth/google/start")
    finished = await browser.log_in()

    [login] = begun.headers.get_list("set-cookie")
    session, gone = finished.headers.get_list("set-cookie")
    assert _attributes(login) == {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax", "Secure"}
    assert _attributes(session) == {"HttpOnly", "Max-Age=1209600", "Path=/", "SameSite=lax", "Secure"}
    assert gone.startswith(f'{LOGIN}=""')
    assert "Max-Age=0" in gone


def _attributes(cookie: str) -> set[str]:
    assert cookie.startswith("__Host-drumbeat_")
    return set(cookie.split("; ")[1:])


async def test_what_cookies_hold_is_kept_nowhere(browser: Browser, worker_db: Database) -> None:
    """Only hashes of it are."""
    await browser.http.get("/auth/google/start")
    login = browser.http.cookies[LOGIN]
    await browser.log_in()

    written = str(await everything(worker_db))

    assert browser.http.cookies[SESSION] not in written
    assert login not in written


async def test_who_comes_again_is_the_same_person(
    browser: Browser, identities: FakeIdentities, make_browser: MakeBrowser, worker_db: Database
) -> None:
    """By issuer and sub: a new address and a new name are written down."""
    await browser.log_in()
    first = (await browser.data(VIEWER))["viewer"]
    identities.person = {**PERSON, "email": "married@example.com", "name": "Married Person", "picture": None}
    other = await make_browser()

    await other.log_in()

    again = (await other.data(VIEWER))["viewer"]
    assert (again["email"], again["name"], again["avatarUrl"]) == (
        "married@example.com",
        "Married Person",
        None,
    )
    assert again["workspace"] == first["workspace"]
    assert len((await everything(worker_db))["users"]) == 1


@pytest.mark.parametrize(
    ("told", "name", "avatar_url"),
    [
        ({"name": " First\x00\n\ud800 ", "picture": "http://pictures.example.com"}, "First", None),
        ({"name": "", "picture": 17}, PERSON["email"], None),
        ({"name": None, "picture": "javascript:alert(1)"}, PERSON["email"], None),
        ({"name": "N" * 400}, "N" * 300, PERSON["picture"]),
    ],
    ids=["control characters", "nothing", "scripts", "without end"],
)
async def test_only_what_can_be_shown_is_taken_over(
    browser: Browser, identities: FakeIdentities, told: dict[str, Any], name: str, avatar_url: str | None
) -> None:
    """Who has no name is called by the address."""
    identities.person = {**PERSON, **told}

    await browser.log_in()

    found = (await browser.data(VIEWER))["viewer"]
    assert (found["name"], found["avatarUrl"]) == (name, avatar_url)


async def test_an_address_that_passed_to_another_lets_nobody_in(
    browser: Browser, identities: FakeIdentities, make_browser: MakeBrowser
) -> None:
    """Another sub is another person, with a workspace of their own."""
    await browser.log_in()
    identities.person = {**PERSON, "sub": "another"}
    other = await make_browser()

    await other.log_in()

    assert (await other.data(VIEWER))["viewer"]["workspace"] != (await browser.data(VIEWER))["viewer"][
        "workspace"
    ]


async def test_a_session_that_the_browser_brought_is_not_gone_on_with(
    browser: Browser, worker_db: Database
) -> None:
    """A second login ends the first one's session: nobody can plant one and share it later."""
    await browser.log_in()
    planted = browser.http.cookies[SESSION]

    await browser.log_in()

    assert browser.http.cookies[SESSION] != planted
    assert len((await everything(worker_db))["sessions"]) == 1


async def test_headers_that_name_a_user_are_nothing(browser: Browser, worker_db: Database) -> None:
    """Neither without a session nor beside one do they change who asks."""
    await browser.log_in()
    before = await browser.data(VIEWER)
    async with worker_db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        user_id = str(await conn.scalar(select(users.c.id)))
    names = ("X-User-Id", "X-User", "X-Forwarded-User", "X-Remote-User", "X-Workspace-Id", "X-Role")
    claimed = dict.fromkeys(names, user_id)
    own = {"Origin": "https://mail.example.com"}

    beside = await browser.post(VIEWER, headers=own | dict.fromkeys(names, str(UUID(int=0))))
    browser.http.cookies.clear()
    alone = await browser.post(VIEWER, headers=own | claimed)

    assert beside.json()["data"] == before
    assert alone.status_code == 401


async def test_without_a_provider_there_is_no_login(http: Any) -> None:
    """The installation is not registered with one."""
    assert (await http.get("/auth/google/start")).status_code == 404
