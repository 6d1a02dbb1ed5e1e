"""Sessions: how long they last, that every process knows them, and how they end."""

import pytest
from sqlalchemy import text, update

from api.cookies import SESSION
from persistence.database import Database
from persistence.tables import sessions
from tests.api.browser import ORIGIN, Browser, MakeBrowser
from tests.api.mutations.asking import everything

VIEWER = "{ viewer { name } }"


async def _moved(worker_db: Database, column: str, interval: str) -> None:
    async with worker_db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(update(sessions).values({column: text(f"now() + interval '{interval}'")}))


async def test_a_session_is_known_to_every_process(browser: Browser, make_browser: MakeBrowser) -> None:
    """They share the database alone."""
    await browser.log_in()
    elsewhere = await make_browser()
    elsewhere.http.cookies.update(browser.http.cookies)

    assert await elsewhere.data(VIEWER) == {"viewer": {"name": "First Person"}}


async def test_who_logs_out_is_out_everywhere_at_once(
    browser: Browser, make_browser: MakeBrowser, worker_db: Database
) -> None:
    """The other process refuses what it took before; logging out twice does no harm."""
    await browser.log_in()
    elsewhere = await make_browser()
    elsewhere.http.cookies.update(browser.http.cookies)
    before = await elsewhere.post(VIEWER)

    left = await browser.http.post("/auth/logout", headers={"Origin": ORIGIN})
    after = await elsewhere.post(VIEWER)
    again = await browser.http.post("/auth/logout", headers={"Origin": ORIGIN})

    assert (before.status_code, left.status_code, after.status_code, again.status_code) == (
        200,
        204,
        401,
        204,
    )
    assert after.json()["errors"] == [
        {"message": "The session is over: log in again.", "extensions": {"code": "UNAUTHENTICATED"}}
    ]
    assert SESSION not in browser.http.cookies
    assert (await everything(worker_db))["sessions"] == []


@pytest.mark.parametrize(
    ("column", "still", "over"),
    [("last_used_at", "-11 hours 59 minutes", "-12 hours"), ("expires_at", "1 minute", "0 minutes")],
    ids=["left alone", "too old"],
)
async def test_a_session_ends_by_itself(
    browser: Browser, worker_db: Database, column: str, still: str, over: str
) -> None:
    """Twelve hours after its last use, and two weeks after the login at the latest."""
    await browser.log_in()

    await _moved(worker_db, column, still)
    within = await browser.post(VIEWER)
    await _moved(worker_db, column, over)
    beyond = await browser.post(VIEWER)

    assert (within.status_code, beyond.status_code) == (200, 401)


async def test_its_use_is_noted_once_a_minute(browser: Browser, worker_db: Database) -> None:
    """So that it goes on, and a busy one does not write a row per request."""
    await browser.log_in()

    await browser.post(VIEWER)
    soon = (await everything(worker_db))["sessions"][0].last_used_at
    await _moved(worker_db, "last_used_at", "-61 seconds")
    await browser.post(VIEWER)
    later = (await everything(worker_db))["sessions"][0]

    assert later.created_at == soon
    assert later.last_used_at > soon


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "ü"])
async def test_a_cookie_that_we_did_not_give_opens_nothing(browser: Browser, cookie: str) -> None:
    """Nor does it say what it might have been."""
    header = f"{SESSION}={cookie}".encode()

    answered = await browser.http.post(
        "/graphql", json={"query": VIEWER}, headers={b"Cookie": header, b"Origin": ORIGIN.encode()}
    )

    assert answered.status_code == 401


async def test_a_key_goes_before_a_session(browser: Browser) -> None:
    """Who brings a header means it, also when it is wrong."""
    await browser.log_in()

    answered = await browser.post(VIEWER, headers={"Origin": ORIGIN, "Authorization": "Bearer db_unknown"})

    assert answered.status_code == 401


async def test_what_a_person_does_is_on_record_as_theirs(browser: Browser, worker_db: Database) -> None:
    """By the id of the user."""
    await browser.log_in()

    await browser.data("mutation { rebalanceMailboxes(input: {}) { userErrors { code } } }")

    rows = await everything(worker_db)
    assert {row.requested_by for row in rows["recalculations"]} == {f"user:{rows['users'][0].id}"}
