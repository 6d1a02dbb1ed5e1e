"""How often somebody may ask in a minute, and what they are told of it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import event, text, update

from api.app import create_app
from api.context import Services
from api.rate_limits import RateLimited, RateLimiter
from persistence.database import Database
from persistence.rate_limits import grant
from persistence.tables import rate_limits, sequences
from tests.api.browser import Browser
from tests.api.client import ApiClient, MakeProcess
from tests.api.conftest import CENTURY, PUBLIC_URL
from tests.support.identity_provider import FakeIdentities

VIEWER = {"query": "{ viewer { workspace { name } } }"}
WRONG = {"Authorization": "Bearer db_wrong"}


async def post(client: ApiClient, **headers: str) -> httpx.Response:
    return await client.http.post("/graphql", json=VIEWER, headers=headers)


async def test_every_answer_tells_what_is_left(make_process: MakeProcess) -> None:
    """As the draft of the IETF writes it: policy, rest, and the seconds until it begins anew."""
    process = await make_process(limits={"callers": 100})

    first, second = await post(process), await post(process)

    assert first.headers["ratelimit-policy"] == f'"requests";q=100;w={CENTURY.total_seconds():.0f}'
    told = [answer.headers["ratelimit"].rpartition(";t=") for answer in (first, second)]
    assert [left for left, _, _ in told] == ['"requests";r=99', '"requests";r=98']
    assert all(0 < int(seconds) <= CENTURY.total_seconds() for _, _, seconds in told)


async def test_a_limit_is_for_a_minute(api_db: Database) -> None:
    """Unless something else is asked for."""
    standing = await RateLimiter(api_db, limit=10).take("somebody")

    assert standing.headers["RateLimit-Policy"] == '"requests";q=10;w=60'
    assert 1 <= standing.ends_in_s <= 60


async def test_who_asks_too_often_is_told_when_to_ask_again(
    make_process: MakeProcess, worker_db: Database
) -> None:
    """429, and nothing is done."""
    process = await make_process(limits={"callers": 2})
    create = {"query": 'mutation { createSequence(input: {name: "A"}) { sequence { id } } }'}

    answered = [await post(process) for _ in range(2)]
    refused = await process.http.post("/graphql", json=create)

    assert [*(each.status_code for each in answered), refused.status_code] == [200, 200, 429]
    seconds = refused.headers["retry-after"]
    assert refused.headers["ratelimit"] == f'"requests";r=0;t={seconds}'
    assert refused.json() == {
        "errors": [
            {
                "message": f"Too many requests: try again in {seconds} seconds.",
                "extensions": {"code": "RATE_LIMITED"},
            }
        ]
    }
    async with worker_db.transaction() as conn:
        assert (await conn.execute(sequences.select())).all() == []


async def test_processes_count_together(make_process: MakeProcess) -> None:
    """Two of them answer as many requests as one would, however they come in."""
    processes = [await make_process(limits={"callers": 30}) for _ in range(2)]

    answers = await asyncio.gather(*(post(processes[n % 2]) for n in range(80)))

    assert sorted(answer.status_code for answer in answers) == [200] * 30 + [429] * 50


async def test_everybody_has_a_limit_of_their_own(make_process: MakeProcess, stranger: ApiClient) -> None:
    """One who has asked too often takes nothing from others."""
    process = await make_process(limits={"callers": 1})

    mine = [await post(process) for _ in range(2)]
    theirs = await post(process, Authorization=stranger.http.headers["authorization"])

    assert [answer.status_code for answer in (*mine, theirs)] == [200, 429, 200]


async def test_most_requests_are_counted_without_asking_the_database(api_db: Database) -> None:
    """A twentieth of the limit is taken at once, also when all come at the same moment."""
    counted: list[str] = []

    def note(*arguments: object) -> None:
        counted.extend([str(arguments[2])] if "rate_limits" in str(arguments[2]) else [])

    limiter = RateLimiter(api_db, limit=1000, window=CENTURY)
    event.listen(api_db.engine.sync_engine, "before_cursor_execute", note)

    await asyncio.gather(*(limiter.take("somebody") for _ in range(200)))

    assert len(counted) == 4


async def test_a_new_minute_begins_anew(worker_db: Database, api_db: Database) -> None:
    """By the database's clock, for whatever process asks first."""
    limiter = RateLimiter(api_db, limit=1)
    await limiter.take("somebody")
    async with worker_db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        an_hour_ago = rate_limits.c.window_start - timedelta(hours=1)
        await conn.execute(update(rate_limits).values(window_start=an_hour_ago))

    async with api_db.transaction() as conn:
        granted = await grant(conn, "somebody", limit=1, at_once=1)

    assert (granted.requests, granted.left) == (1, 0)


async def test_a_limit_that_was_lowered_grants_nothing_more(api_db: Database) -> None:
    """What was used already is more than it."""
    async with api_db.transaction() as conn:
        before = await grant(conn, "somebody", limit=10, at_once=5, window=CENTURY)
        after = await grant(conn, "somebody", limit=3, at_once=3, window=CENTURY)

    assert (before.requests, before.left, after.requests, after.left) == (5, 5, 0, 0)


async def test_an_address_may_fail_so_often(make_process: MakeProcess) -> None:
    """From then on a good key is refused too: whoever tries keys would notice one that fits."""
    process = await make_process(limits={"strangers": 2})

    failed = [await post(process, **WRONG) for _ in range(3)]
    good = await post(process)

    assert [answer.status_code for answer in (*failed, good)] == [401, 401, 429, 429]
    assert {"ratelimit", "retry-after"} <= good.headers.keys()


async def test_good_keys_and_no_keys_count_nothing(make_process: MakeProcess) -> None:
    """Only what could have been guessed is an attempt."""
    process = await make_process(limits={"strangers": 1})

    good = [await post(process) for _ in range(3)]
    without = [await post(process, Authorization="") for _ in range(3)]
    first = await post(process, **WRONG)

    assert {answer.status_code for answer in good} == {200}
    assert {answer.status_code for answer in (*without, first)} == {401}


@pytest.mark.parametrize(
    ("one", "another", "are_one"),
    [
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
async def test_of_ipv6_a_network_is_one_address(
    services: Services, api_db: Database, one: str, another: str, are_one: bool
) -> None:
    """That which a customer is given, /64: they may take as many addresses of it as they like."""
    app = create_app(replace(services, strangers=RateLimiter(api_db, limit=1, window=CENTURY)))

    statuses = []
    for address in (one, another):
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            statuses.append((await client.post("/graphql", json=VIEWER, headers=WRONG)).status_code)

    assert statuses == [401, 429 if are_one else 401]


async def test_logins_are_attempts(services: Services, api_db: Database, identities: FakeIdentities) -> None:
    """Each begins with a row, which anybody could have made without end; a login has two steps."""
    strangers = RateLimiter(api_db, limit=2, window=CENTURY)
    app = create_app(replace(services, strangers=strangers, identities=identities.client()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC_URL) as client:
        logged_in = await Browser(client).log_in()
        refused = await client.get("/auth/google/start")

    assert (logged_in.status_code, refused.status_code) == (303, 429)
    assert "Too many requests" in refused.text
    assert "retry-after" in refused.headers


async def test_what_is_remembered_of_callers_is_bounded(
    api_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whom a process forgot, it asks the database about."""
    monkeypatch.setattr("api.rate_limits._REMEMBERED", 1)
    limiter = RateLimiter(api_db, limit=1, window=CENTURY)

    await limiter.take("one")
    await limiter.take("another")

    with pytest.raises(RateLimited):
        await limiter.take("one")
