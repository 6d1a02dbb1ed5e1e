"""Subscriptions over WebSockets: who may watch, how much, and how long."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from api import cookies
from api.context import Services
from api.live import live
from api.live.live import Timing
from api.streaming import websocket as module
from domain.access import Scope
from persistence.api_keys import create_api_key
from persistence.changes import tell_of_changes
from persistence.database import Database
from persistence.sessions import open_session
from persistence.tables import api_keys, members, users
from tests.api.client import ApiClient
from tests.api.live.conftest import Serve, serving_watchers
from tests.api.live.watching import Socket, logged_in, socket
from tests.support.world import make_email, make_enrollment, make_mailbox, make_member, make_sequence

STATS = "subscription { queueStats { due queued pace { emails } } }"


async def _due_email(worker_db: Database, api: ApiClient) -> None:
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id)
        enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id)
        await make_email(conn, enrollment_id)
        await tell_of_changes(conn, [api.workspace_id])


async def test_statistics_come_at_once_and_with_every_change(
    url: str, key: str, api: ApiClient, worker_db: Database
) -> None:
    """Several subscriptions share a connection, each by its id, and end when they are told to."""
    async with logged_in(url, key) as client:
        await client.subscribe(STATS)
        at_first = await client.next()
        await _due_email(worker_db, api)
        after = await client.next()
        await client.say(type="complete", id="1")
        await client.subscribe(STATS, name="another")
        again = await client.next(name="another")

    assert at_first == {"queueStats": {"due": 0, "queued": 0, "pace": {"emails": 0}}}
    assert after == {"queueStats": {"due": 1, "queued": 0, "pace": {"emails": 0}}}
    assert again == after


async def test_a_client_that_says_ping_hears_pong(url: str, key: str) -> None:
    """Before and after it has said who it is."""
    async with socket(url) as client:
        await client.say(type="ping")
        assert await client.hear() == {"type": "pong"}
        await client.log_in(authorization=f"Bearer {key}")
        await client.say(type="ping")
        assert await client.hear() == {"type": "pong"}


async def test_whoever_says_nothing_is_sent_away(serve: Serve) -> None:
    """4408, as the protocol says."""
    url = await serve(Timing(init_s=0.05))

    async with socket(url) as client:
        assert await client.end() == 4408


@pytest.mark.parametrize("payload", [{}, {"Authorization": "Bearer db_nobody"}])
async def test_whoever_has_no_valid_key_is_sent_away(url: str, payload: dict[str, str]) -> None:
    """4403; and 4401 for one who asks before."""
    async with socket(url) as client:
        await client.say(type="connection_init", payload=payload)
        assert await client.end() == 4403
    async with socket(url) as client:
        await client.subscribe(STATS)
        assert await client.end() == 4401


async def _session(worker_db: Database, api_db: Database, api: ApiClient) -> str:
    async with worker_db.transaction() as conn:
        await make_member(conn, api.workspace_id)
    async with api_db.transaction(api.workspace_id) as conn:
        user_id = (await conn.execute(users.join(members).select())).one().user_id
        return await open_session(conn, api.workspace_id, user_id)


async def test_a_session_is_for_pages_of_our_own(
    url: str, api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """A browser sends the cookie from any page; the Origin tells whose page it is."""
    token = await _session(worker_db, api_db, api)
    sent = {"Cookie": f"{cookies.SESSION}={token}"}

    async with socket(url, sent | {"Origin": "https://mail.example.com"}) as ours:
        await ours.log_in()
        await ours.subscribe(STATS)
        assert (await ours.next())["queueStats"]["due"] == 0
    for origin in ({"Origin": "https://evil.example.com"}, {}):
        async with socket(url, sent | origin) as theirs:
            await theirs.say(type="connection_init")
            assert await theirs.end() == 4403


async def test_another_protocol_is_not_spoken(url: str) -> None:
    """4406 for the older graphql-ws, and for none."""
    for protocols in ([Subprotocol("graphql-ws")], None):
        async with connect(f"{url.replace('http', 'ws')}/graphql", subprotocols=protocols) as websocket:
            assert await Socket(websocket).end() == 4406


@pytest.mark.parametrize(
    "message",
    [
        "[]",
        "no JSON",
        '{"type": 1}',
        '{"type": "unheard of"}',
        '{"type": "connection_init", "payload": 7}',
        '{"type": "subscribe", "id": ["1"], "payload": {"query": "subscription { queueStats { due } }"}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": [1]}}',
        '{"type": "complete"}',
    ],
)
async def test_what_is_no_message_ends_the_connection(url: str, key: str, message: str) -> None:
    """4400, whatever shape it has."""
    async with socket(url) as client:
        if "connection_init" not in message:
            await client.log_in(Authorization=f"Bearer {key}")
        await client.websocket.send(message)
        assert await client.end() == 4400


async def test_a_message_that_is_too_large_ends_the_connection(url: str, key: str) -> None:
    """As a request over HTTP may have 256 KiB."""
    async with logged_in(url, key) as client:
        await client.subscribe(f"{STATS} # {'x' * 300_000}")
        assert await client.end() == 1009


async def _error(client: Socket) -> str:
    message = await client.hear()
    assert message["type"] == "error", message
    [error] = message["payload"]
    code: str = error["extensions"]["code"]
    return code


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("subscription { nothing }", "BAD_USER_INPUT"),
        ("subscription {", "BAD_USER_INPUT"),
        ("query { queueStats { due } }", "BAD_USER_INPUT"),
        ("mutation { suppress(input: {emails: []}) { suppressed } }", "BAD_USER_INPUT"),
        ('subscription { recalculationProgress(id: "nonsense") { done } }', "BAD_USER_INPUT"),
        (
            "subscription { queueStats { " + " ".join(f"a{n}: due" for n in range(31)) + " } }",
            "QUERY_TOO_EXPENSIVE",
        ),
        ("subscription { queueStats { " + "due " * 2_000 + "} }", "QUERY_TOO_EXPENSIVE"),
    ],
)
async def test_what_is_refused_over_http_is_refused_here(
    url: str, key: str, document: str, code: str
) -> None:
    """With its code, and the connection goes on; what is no subscription belongs to HTTP."""
    async with logged_in(url, key) as client:
        await client.subscribe(document)
        assert await _error(client) == code
        await client.subscribe(STATS)
        assert (await client.next())["queueStats"]["due"] == 0


async def test_watching_needs_the_scope_read(url: str, api: ApiClient, api_db: Database) -> None:
    """As every query does."""
    async with api_db.transaction(api.workspace_id) as conn:
        key = await create_api_key(conn, api.workspace_id, name="writes", scopes=[Scope.WRITE])

    async with logged_in(url, key) as client:
        await client.subscribe(STATS)
        assert await _error(client) == "FORBIDDEN"


async def test_an_unexpected_error_is_masked(url: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id is in the log."""

    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("api.subscriptions.queue_stats.take_queue_stats", fail)
    async with logged_in(url, key) as client:
        await client.subscribe(STATS)
        message = await client.hear()

    [error] = message["payload"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "errorId" in error["extensions"]
    assert "secret" not in str(message)


async def test_a_connection_carries_so_many(url: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused; when one has ended there is room again."""
    monkeypatch.setattr(module, "MOST_PER_CONNECTION", 2)

    async with logged_in(url, key) as client:
        for name in ("1", "2"):
            await client.subscribe(STATS, name=name)
            await client.next(name=name)
        await client.subscribe(STATS, name="3")
        refused = await _error(client)
        await client.say(type="complete", id="1")
        await client.subscribe(STATS, name="4")
        assert (await client.next(name="4"))["queueStats"]["due"] == 0

    assert refused == "RATE_LIMITED"


async def test_a_caller_has_so_many(serve: Serve, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over however many connections."""
    monkeypatch.setattr(live, "MOST_PER_CALLER", 1)
    url = await serve()

    async with logged_in(url, key) as first, logged_in(url, key) as second:
        await first.subscribe(STATS)
        await first.next()
        await second.subscribe(STATS)
        assert await _error(second) == "RATE_LIMITED"


async def test_a_revoked_key_ends_what_it_opened(
    serve: Serve, key: str, api: ApiClient, api_db: Database
) -> None:
    """4401, at the next look."""
    url = await serve(Timing(recheck_s=0.1, at_most_every=timedelta(0)))
    async with logged_in(url, key) as client:
        await client.subscribe("subscription { emailStatusChanged { number } }")
        await client.next()
        async with api_db.transaction(api.workspace_id) as conn:
            await conn.execute(update(api_keys).values(revoked_at=api_keys.c.created_at))

        assert await client.end() == 4401


async def test_a_process_that_ends_closes_its_connections(services: Services, key: str) -> None:
    """1012: a client connects again, elsewhere."""
    async with serving_watchers(services) as url:
        connecting = logged_in(url, key)
        client = await connecting.__aenter__()
        await client.subscribe("subscription { emailStatusChanged { number } }")
        await client.next()

    assert await client.end() == 1012
    await connecting.__aexit__(None, None, None)
