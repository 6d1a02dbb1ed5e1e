"""Where requests with a cookie come from, and which pages of other origins may ask at all."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from api.app import create_app
from api.context import Services
from api.cookies import SESSION
from persistence.database import Database
from tests.api.browser import ORIGIN, Browser
from tests.api.client import ApiClient
from tests.api.conftest import PUBLIC_URL
from tests.api.mutations.asking import everything
from tests.support.identity_provider import FakeIdentities

APP = "https://app.example.com"
VIEWER = {"query": "{ viewer { name } }"}
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


@pytest.fixture
async def open_to_app(services: Services, identities: FakeIdentities) -> AsyncIterator[httpx.AsyncClient]:
    """An installation whose frontend has an origin of its own."""
    opened = replace(services, other_origins=(APP,), identities=identities.client())
    transport = httpx.ASGITransport(create_app(opened))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://mail.example.com"},
        {"Origin": "https://mail.example.com:8443"},
        {"Origin": "https://mail.example.com.evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Referer": "https://mail.example.com/"},
    ],
    ids=str,
)
async def test_a_foreign_page_does_nothing_with_a_cookie(
    browser: Browser, worker_db: Database, headers: dict[str, str]
) -> None:
    """Neither by GraphQL nor by logging out; and nothing is written."""
    await browser.log_in()
    before = await everything(worker_db)
    suppress = {"query": 'mutation { suppress(input: {emails: ["a@example.com"]}) { suppressed } }'}

    asked = await browser.http.post("/graphql", json=suppress, headers=headers)
    left = await browser.http.post("/auth/logout", headers=headers)

    assert (asked.status_code, left.status_code) == (403, 403)
    assert asked.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert SESSION in browser.http.cookies
    assert await everything(worker_db) == before


@pytest.mark.parametrize("headers", [{"Origin": ORIGIN}, {"Sec-Fetch-Site": "same-origin"}], ids=str)
async def test_pages_of_our_own_use_the_cookie(browser: Browser, headers: dict[str, str]) -> None:
    """Either header says so."""
    await browser.log_in()

    assert (await browser.http.post("/graphql", json=VIEWER, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
    ids=str,
)
async def test_a_link_is_no_page_of_ours(browser: Browser, headers: dict[str, str], status: int) -> None:
    """A query in an address is answered to our own pages, which send no Origin with a GET."""
    await browser.log_in()

    assert (await browser.http.get("/graphql", params=VIEWER, headers=headers)).status_code == status


async def test_a_key_is_taken_from_everywhere(api: ApiClient) -> None:
    """No browser adds it by itself."""
    answered = await api.http.post("/graphql", json=VIEWER, headers={"Origin": "https://evil.example"})

    assert answered.status_code == 200
    assert "access-control-allow-origin" not in answered.headers


async def test_no_other_origin_is_let_in_by_itself(http: httpx.AsyncClient) -> None:
    """Without a list, a preflight is answered like any request that there is not."""
    preflight = await http.options("/graphql", headers={"Origin": APP} | PREFLIGHT)

    assert preflight.status_code == 405
    assert "access-control-allow-origin" not in preflight.headers


async def test_an_origin_on_the_list_is_told_that_it_may(open_to_app: httpx.AsyncClient) -> None:
    """With the cookie, for GET and POST, and with the headers that GraphQL needs."""
    preflight = await open_to_app.options("/graphql", headers={"Origin": APP} | PREFLIGHT)

    told = preflight.headers
    assert preflight.status_code == 200
    assert (told["access-control-allow-origin"], told["access-control-allow-credentials"]) == (APP, "true")
    assert told["access-control-allow-methods"] == "GET, POST"
    allowed = set(told["access-control-allow-headers"].split(", "))
    assert {"Authorization", "Content-Type", "Idempotency-Key"} <= allowed
    assert "Origin" in told["vary"]


async def test_an_origin_that_is_not_on_the_list_is_refused(open_to_app: httpx.AsyncClient) -> None:
    """Its browser keeps the answer from it."""
    preflight = await open_to_app.options("/graphql", headers={"Origin": "https://evil.example"} | PREFLIGHT)
    asked = await open_to_app.post("/graphql", json=VIEWER, headers={"Origin": "https://evil.example"})

    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in {**preflight.headers, **asked.headers}


async def test_pages_of_an_origin_on_the_list_use_the_cookie(open_to_app: httpx.AsyncClient) -> None:
    """They may read the answer as well."""
    await Browser(open_to_app).log_in()

    answered = await open_to_app.post("/graphql", json=VIEWER, headers={"Origin": APP})
    foreign = await open_to_app.post("/graphql", json=VIEWER, headers={"Origin": "https://evil.example"})

    assert (answered.status_code, answered.headers["access-control-allow-origin"]) == (200, APP)
    exposed = set(answered.headers["access-control-expose-headers"].split(", "))
    assert exposed == {"Idempotent-Replayed", "RateLimit", "RateLimit-Policy", "Retry-After"}
    assert answered.json() == {"data": {"viewer": {"name": "First Person"}}}
    assert foreign.status_code == 403


async def test_browsers_are_told_to_come_by_tls_alone(services: Services) -> None:
    """Where it is set, and not over plain HTTP, where anybody could have written it (RFC 6797 §7.2)."""
    transport = httpx.ASGITransport(create_app(replace(services, hsts_s=31_536_000)))

    async with httpx.AsyncClient(transport=transport) as client:
        private = await client.get("https://mail.example.com/livez")
        plain = await client.get("http://mail.example.com/livez")

    assert private.headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in plain.headers


async def test_nothing_is_told_about_tls_by_default(http: httpx.AsyncClient) -> None:
    """Other services of the same host may not have it."""
    assert "strict-transport-security" not in (await http.get("/livez")).headers
