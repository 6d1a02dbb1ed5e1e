"""Subscriptions as server-sent events: as a browser takes them that knows nothing of GraphQL."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update

from api.context import Services
from api.ids import global_id
from api.live.live import Timing
from domain.recalculations import RecalculationCause
from persistence.api_keys import create_api_key
from persistence.database import Database
from persistence.tables import api_keys, recalculations
from tests.api.client import ApiClient
from tests.api.live.conftest import Serve, serving_watchers
from tests.api.live.watching import PATIENCE_S, browser, event_source
from tests.support.recalculating import planned, recalculate

STATS = "subscription { queueStats { due } }"
PROGRESS = "subscription ($id: ID!) { recalculationProgress(id: $id) { status done total error } }"


async def test_an_event_source_hears_named_events(url: str, key: str) -> None:
    """As text/event-stream, uncached and unbuffered."""
    async with browser(url, key) as http, event_source(http, STATS) as source:
        event = await source.next()

    assert event is not None
    assert (event.type, event.payload) == ("next", {"data": {"queueStats": {"due": 0}}})
    assert source.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert source.response.headers["cache-control"] == "no-store"


async def test_the_operation_may_be_posted(url: str, key: str) -> None:
    """By clients that can."""
    async with (
        browser(url, key) as http,
        http.stream("POST", "/graphql/stream", json={"query": STATS}, timeout=PATIENCE_S) as response,
    ):
        assert response.status_code == 200
        assert await anext(response.aiter_lines()) == "retry: 2000"


async def test_a_recalculation_is_watched_to_its_end(
    serve: Serve, worker_db: Database, api_db: Database
) -> None:
    """The end is an event, and whoever comes back after it is told to stay away."""
    world = await planned(worker_db, 2)
    await world.request(RecalculationCause.REBALANCE)
    async with worker_db.transaction() as conn:
        recalculation_id = (await conn.scalars(select(recalculations.c.id))).one()
    async with api_db.transaction(world.workspace_id) as conn:
        key = await create_api_key(conn, world.workspace_id, name="watches")
    url = await serve()
    identified = global_id("Recalculation", recalculation_id)

    async with browser(url, key) as http, event_source(http, PROGRESS, id=identified) as source:
        at_first = await source.data()
        await recalculate(world)
        seen = [at_first["recalculationProgress"]]
        while seen[-1]["status"] != "COMPLETED":
            seen.append((await source.data())["recalculationProgress"])
        complete = await source.next()
        assert await source.next() is None
        async with event_source(http, PROGRESS, {"Last-Event-ID": "complete"}, id=identified) as again:
            assert again.response.status_code == 204

    assert (seen[0]["status"], seen[0]["done"]) == ("PENDING", 0)
    assert seen[-1] == {"status": "COMPLETED", "done": 2, "total": 2, "error": None}
    assert complete is not None
    assert (complete.type, complete.data, complete.id) == ("complete", [""], "complete")


@pytest.mark.parametrize(
    ("document", "headers", "status", "code"),
    [
        (STATS, {"Authorization": "Bearer db_nobody"}, 401, "UNAUTHENTICATED"),
        (STATS, {"Accept": "application/json"}, 406, "BAD_USER_INPUT"),
        ("subscription {", {}, 400, "BAD_USER_INPUT"),
        ("subscription { nothing }", {}, 400, "BAD_USER_INPUT"),
        ("{ queueStats { due } }", {}, 400, "BAD_USER_INPUT"),
        ("mutation { suppress(input: {emails: []}) { suppressed } }", {}, 400, "BAD_USER_INPUT"),
        (
            f'subscription {{ recalculationProgress(id: "{global_id("Recalculation", 7)}") {{ done }} }}',
            {},
            400,
            "",
        ),
        ('subscription { emailStatusChanged(after: "soon") { number } }', {}, 400, "BAD_USER_INPUT"),
    ],
)
async def test_what_is_refused_has_a_status_and_a_code(
    url: str, key: str, document: str, headers: dict[str, str], status: int, code: str
) -> None:
    """A browser does not connect again to one that is not 200."""
    async with browser(url, key) as http:
        sent = {"Accept": "text/event-stream"} | headers
        answer = await http.get("/graphql/stream", params={"query": document}, headers=sent)

    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] == (code or "BAD_USER_INPUT")


async def test_a_page_of_another_site_hears_nothing(url: str) -> None:
    """Its browser sends the cookie along, and the Origin."""
    async with httpx.AsyncClient(base_url=url) as http:
        cookie = {"Cookie": "__Host-drumbeat_session=whatever", "Accept": "text/event-stream"}
        answers = [
            await http.get("/graphql/stream", params={"query": STATS}, headers=cookie | headers)
            for headers in ({"Origin": "https://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"})
        ]
        own = await http.get(
            "/graphql/stream", params={"query": STATS}, headers=cookie | {"Sec-Fetch-Site": "same-origin"}
        )

    assert [(each.status_code, each.json()["errors"][0]["extensions"]["code"]) for each in answers] == [
        (403, "FORBIDDEN")
    ] * 2
    assert own.status_code == 401


async def test_a_stream_without_news_shows_life(serve: Serve, key: str) -> None:
    """By comments, which proxies and dead connections need and nobody sees."""
    url = await serve(Timing(ping_s=0.02, recheck_s=0.2, at_least_every=timedelta(minutes=5)))

    async with browser(url, key) as http:
        document = "subscription { emailStatusChanged { number } }"
        async with event_source(http, document) as source:
            await source.data()
            async for line in source.lines:
                source.pings += line == ":"
                if source.pings == 3:
                    break


async def test_a_revoked_key_ends_its_streams(
    serve: Serve, key: str, api: ApiClient, api_db: Database
) -> None:
    """At the next look; the client that comes back is refused."""
    url = await serve(Timing(recheck_s=0.1))
    async with (
        browser(url, key) as http,
        event_source(http, "subscription { emailStatusChanged { number } }") as source,
    ):
        await source.data()
        async with api_db.transaction(api.workspace_id) as conn:
            await conn.execute(update(api_keys).values(revoked_at=api_keys.c.created_at))

        assert await source.next() is None


async def test_a_process_that_ends_ends_its_streams(services: Services, key: str) -> None:
    """Without `complete`: the browser connects again, elsewhere."""
    async with serving_watchers(services) as url:
        http = browser(url, key)
        watching = event_source(http, STATS)
        source = await watching.__aenter__()
        await source.data()

    assert await source.next() is None
    await watching.__aexit__(None, None, None)
    await http.aclose()
