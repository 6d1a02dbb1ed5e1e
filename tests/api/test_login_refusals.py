"""Answers of a provider that are not to be trusted, and logins that do not come back as they should."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text, update

from api.cookies import LOGIN, SESSION
from persistence.database import Database
from persistence.tables import logins
from tests.api.browser import Browser, MakeBrowser
from tests.api.mutations.asking import everything
from tests.support.identity_provider import CLIENT_ID, FakeIdentities

VIEWER = "{ viewer { name email avatarUrl role scopes workspace { id name } } }"

# In seconds since 1970: 2001 and 2096.
LONG_AGO = 1_000_000_000
FAR_AHEAD = 4_000_000_000


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "another"}, "the ID token is of another login"),
        ({"nonce": None}, "the ID token is not complete"),
        ({"aud": "another"}, "the ID token is for somebody else"),
        ({"aud": [CLIENT_ID, "another"]}, "the ID token is for somebody else"),
        ({"aud": None}, "the ID token is not complete"),
        ({"iss": "https://accounts.example.com"}, "the ID token is of another issuer"),
        ({"exp": LONG_AGO}, "the ID token has expired"),
        ({"exp": None}, "the ID token is not complete"),
        ({"iat": FAR_AHEAD}, "the ID token is none"),
        ({"sub": None}, "the ID token is not complete"),
        ({"sub": 17}, "the ID token is none"),
        ({"sub": "110\x00"}, "the ID token is none"),
        ({"email": "\x00"}, "the provider does not tell your address"),
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
