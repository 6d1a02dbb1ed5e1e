"""The API as its callers have it: over HTTP, with a key, on a real database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest

from api.app import create_app
from api.context import Services
from api.executions import Executions
from api.rate_limits import RateLimiter
from domain.credentials import OAuthProvider
from domain.ids import WorkspaceId
from persistence.api_keys import create_api_key
from persistence.database import Database, Role, open_database
from persistence.vault import Vault
from tests.api.browser import Browser, MakeBrowser
from tests.api.client import ApiClient, MakeProcess, SteppingClock
from tests.api.explaining import Statement
from tests.support.identity_provider import FakeIdentities, fake_identities
from tests.support.world import make_workspace

PUBLIC_URL = "https://mail.example.com"
# A window of rate limits that does not end while a test runs.
CENTURY = timedelta(days=36_500)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def services(api_db: Database, clock: SteppingClock) -> Services:
    """As of an installation that is registered with Google."""
    return Services(
        database=api_db,
        vault=Vault(b"k" * 32),
        clock=clock,
        public_url=PUBLIC_URL,
        providers=frozenset({OAuthProvider.GOOGLE}),
        # On a busy machine nothing here may end for want of time.
        executions=Executions(timeout_s=60),
    )


@pytest.fixture
async def identities() -> AsyncIterator[FakeIdentities]:
    """A provider of identities, on loopback."""
    async with fake_identities() as provider:
        yield provider


@pytest.fixture
async def make_browser(services: Services, identities: FakeIdentities) -> AsyncIterator[MakeBrowser]:
    """Makes browsers without cookies, each at a process of its own that shares the database alone."""
    opened: list[tuple[httpx.AsyncClient, Database]] = []

    async def make(**chosen: Any) -> Browser:
        database = open_database(services.database.engine.url.render_as_string(hide_password=False), Role.API)
        process = replace(services, database=database, identities=identities.client(), **chosen)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(process)), base_url=PUBLIC_URL)
        opened.append((client, database))
        return Browser(client)

    yield make
    for client, database in opened:
        await client.aclose()
        await database.aclose()


@pytest.fixture
async def browser(make_browser: MakeBrowser) -> Browser:
    return await make_browser()


@pytest.fixture
async def http(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        yield client


@pytest.fixture
async def make_client(
    services: Services, worker_db: Database
) -> AsyncIterator[Callable[[], Awaitable[ApiClient]]]:
    """Makes clients, each with a workspace of its own."""
    opened: list[httpx.AsyncClient] = []

    async def make() -> ApiClient:
        workspace_id, key = await _workspace_with_key(worker_db, services.database)
        transport = httpx.ASGITransport(create_app(services))
        client = httpx.AsyncClient(
            transport=transport, base_url=PUBLIC_URL, headers={"Authorization": f"Bearer {key}"}
        )
        opened.append(client)
        return ApiClient(client, workspace_id)

    yield make
    for client in opened:
        await client.aclose()


async def _workspace_with_key(worker_db: Database, api_db: Database) -> tuple[WorkspaceId, str]:
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
    async with api_db.transaction(workspace_id) as conn:
        return workspace_id, await create_api_key(conn, workspace_id, name="tests")


@pytest.fixture
async def api(make_client: Callable[[], Awaitable[ApiClient]]) -> ApiClient:
    return await make_client()


@pytest.fixture
async def make_process(services: Services, api: ApiClient) -> AsyncIterator[MakeProcess]:
    """Starts further processes of the API, to which the key of *api* is brought."""
    opened: list[tuple[httpx.AsyncClient, Database]] = []

    async def make(**chosen: Any) -> ApiClient:
        database = open_database(services.database.engine.url.render_as_string(hide_password=False), Role.API)
        # Any: replace() would check each of them against every field.
        limiters: dict[str, Any] = {
            name: RateLimiter(database, limit=limit, window=CENTURY)
            for name, limit in chosen.pop("limits", {}).items()
        }
        process = replace(services, database=database, **limiters, **chosen)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(process)),
            base_url=PUBLIC_URL,
            headers={"Authorization": api.http.headers["authorization"]},
        )
        opened.append((client, database))
        return ApiClient(client, api.workspace_id)

    yield make
    for client, database in opened:
        await client.aclose()
        await database.aclose()


@pytest.fixture
async def stranger(make_client: Callable[[], Awaitable[ApiClient]]) -> ApiClient:
    """Somebody with a key of another workspace."""
    return await make_client()


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[Statement]:
    """The statements that read a page, with their values."""
    executed: list[Statement] = []
    execute = psycopg.AsyncCursor.execute

    async def note(cursor: "psycopg.AsyncCursor[Any]", query: Any, *given: Any, **named: Any) -> Any:
        if "key_0" in str(query):
            executed.append((str(query), given[0]))
        return await execute(cursor, query, *given, **named)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", note)
    return executed


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that the driver executes, without those that only say who asks."""
    executed: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def note(cursor: "psycopg.AsyncCursor[Any]", query: str, *arguments: Any, **named: Any) -> Any:
        if "set_config" not in str(query):
            executed.append(str(query))
        return await execute(cursor, query, *arguments, **named)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", note)
    return executed
