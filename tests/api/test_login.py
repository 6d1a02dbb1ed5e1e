"""Logging in at a provider: whom it vouches for, and every answer that is not to be trusted."""

from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from api.cookies import LOGIN, SESSION
from persistence.database import Database
from persistence.tables import logins, users
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


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "another"}, "the ID token is of another login"),
        ({"nonce": None}, "the ID token is not complete"),
        ({"aud": "another"}, "the ID token is for somebody else"),
        ({"aud": [CLIENT_ID, "another"]}, "the ID token is for somebody else"),
        ({"aud": None}, "the ID token is not complete"),
        ({"iss": "https://accounts.example.com"}, "the ID token is of another issuer"),
        ({"exp": int(time()) - 3600}, "the ID token has expired"),
        ({"exp": None}, "the ID token is not complete"),
        ({"iat": int(time()) + 3600}, "the ID token is none"),
        ({"sub": None}, "the ID token is not complete"),
        ({"sub": 17}, "the ID token is none"),
        ({"email": None}, "the provider does not tell your address"),
    ],
    ids=str,
)
async def test_an_id_token_with_wrong_claims_is_refused(
    browser: Browser, identities: FakeIdentities, worker_db: Database, claims: dict[str, Any], reason: str
) -> None:
    """OIDC Core §3.1.3.7: the page says why, and nobody is known or logged in."""
    identities.claims = claims

    await _is_refused(browser, worker_db, reason)


@pytest.mark.parametrize(
    ("algorithm", "key", "published", "reason"),
    [
        ("none", "first", ("first",), "the ID token is not signed as agreed"),
        ("HS256", "first", ("first",), "the ID token is not signed as agreed"),
        ("RS512", "first", ("first",), "the ID token is not signed as agreed"),
        (
            "RS256",
            "second",
            ("first",),
            "the ID token is signed with a key that the provider does not publish",
        ),
        ("RS256", "first", (), "the ID token is signed with a key that the provider does not publish"),
    ],
)
async def test_an_id_token_with_a_wrong_signature_is_refused(
    browser: Browser,
    identities: FakeIdentities,
    worker_db: Database,
    algorithm: str,
    key: str,
    published: tuple[str, ...],
    reason: str,
) -> None:
    """RFC 8725 §2.1: a token does not say how it is to be checked."""
    identities.algorithm, identities.key, identities.published = algorithm, key, published

    await _is_refused(browser, worker_db, reason)


async def test_a_key_that_the_provider_changed_is_found(browser: Browser, identities: FakeIdentities) -> None:
    """Keys are looked up at every login."""
    await browser.log_in()
    identities.key, identities.published = "second", ("first", "second")

    assert (await browser.log_in()).status_code == 303


async def test_a_token_signed_by_another_under_a_known_name_is_refused(
    browser: Browser, identities: FakeIdentities, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signature counts, and not the name of the key."""
    signed = identities.signed

    def forged(claims: dict[str, Any]) -> str:
        head, body, _ = signed(claims).split(".")
        return f"{head}.{body}.{signed({}).split('.')[2]}"

    monkeypatch.setattr(identities, "signed", forged)

    await _is_refused(browser, worker_db, "the signature of the ID token is wrong")


async def _is_refused(browser: Browser, worker_db: Database, reason: str) -> None:
    answered = await browser.log_in()

    assert (answered.status_code, SESSION in browser.http.cookies) == (400, False)
    assert f"<p>Because {reason}.</p>" in answered.text
    await _nobody_is_known(worker_db)


async def _nobody_is_known(worker_db: Database) -> None:
    written = await everything(worker_db)
    assert [written[table] for table in ("users", "members", "sessions", "workspaces")] == [[]] * 4


async def test_an_answer_to_another_login_is_refused(
    browser: Browser, make_browser: MakeBrowser, worker_db: Database
) -> None:
    """Whoever is sent a link with somebody else's code is not logged in as them."""
    attacker = await make_browser()
    link = await attacker.consent()
    await browser.http.get("/auth/google/start")

    with_login = await browser.http.get(link)
    without_login = await (await make_browser()).http.get(link)

    assert (with_login.status_code, without_login.status_code) == (400, 400)
    assert "the answer belongs to another login" in with_login.text
    assert "this browser began no login" in without_login.text
    await _nobody_is_known(worker_db)


async def test_a_login_comes_back_once(browser: Browser, make_browser: MakeBrowser) -> None:
    """Not even the same browser uses it again, at whichever process."""
    link = await browser.consent()
    token = browser.http.cookies[LOGIN]
    other = await make_browser()
    other.http.cookies.set(LOGIN, token)

    first = await browser.http.get(link)
    again = await other.http.get(link)

    assert (first.status_code, again.status_code) == (303, 400)
    assert "this login is over, or was used already" in again.text


async def test_a_code_that_was_used_is_refused(
    browser: Browser, identities: FakeIdentities, worker_db: Database
) -> None:
    """The provider says so."""
    link = await browser.consent()
    identities.codes.clear()

    answered = await browser.http.get(link)

    assert answered.status_code == 400
    assert "the provider does not take the code: it is over, or was used already" in answered.text
    await _nobody_is_known(worker_db)


async def test_a_login_is_over_after_ten_minutes(browser: Browser, worker_db: Database) -> None:
    """By the database's clock; and the next login clears it away."""
    link = await browser.consent()
    async with worker_db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(update(logins).values(expires_at=text("now() - interval '1 second'")))

    answered = await browser.http.get(link)
    await browser.http.get("/auth/google/start")

    assert answered.status_code == 400
    assert "this login is over" in answered.text
    assert len((await everything(worker_db))["logins"]) == 1


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("error=access_denied", "you did not consent"),
        ("error=server_error", "the provider sent you back without a code"),
        ("", "the provider sent you back without a code"),
    ],
)
async def test_who_comes_back_without_a_code_is_told_why(browser: Browser, query: str, reason: str) -> None:
    """The login is over then."""
    begun = await browser.http.get("/auth/google/start")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]

    answered = await browser.http.get(f"/auth/google/callback?state={state}&{query}")

    assert answered.status_code == 400
    assert f"Because {reason}." in answered.text


async def test_a_provider_that_fails_is_told_apart_from_a_refusal(
    browser: Browser, identities: FakeIdentities, worker_db: Database
) -> None:
    """503: the person did nothing wrong, and may try again."""
    identities.status, identities.error = 500, "server_error"

    failed = await browser.log_in()

    assert (failed.status_code, "try again" in failed.text) == (503, True)
    await _nobody_is_known(worker_db)


@pytest.mark.parametrize(
    "discovered",
    [
        {"issuer": "https://accounts.example.com"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": 17},
    ],
    ids=str,
)
async def test_a_provider_that_does_not_describe_itself_is_not_asked(
    browser: Browser, identities: FakeIdentities, discovered: dict[str, Any]
) -> None:
    """OIDC Discovery §4.3: what calls itself by another name is another."""
    identities.discovered = discovered

    begun = await browser.http.get("/auth/google/start")

    assert (begun.status_code, LOGIN in browser.http.cookies) == (503, False)


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
