"""API processes that are watched: each with a server, a pool and a listener of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import pytest

from api.context import Services
from api.live.live import Timing
from app.embedded import port_of
from app.serving import server_of
from app.settings import load_settings
from persistence.database import Role, open_database
from tests.api.client import ApiClient

# Nobody waits here for a second to pass.
PROMPT = Timing(
    at_most_every=timedelta(0),
    at_least_every=timedelta(minutes=5),
    under_way_every=timedelta(milliseconds=20),
)


class Serve(Protocol):
    async def __call__(self, timing: Timing = PROMPT) -> str:
        """The URL of one more process."""


@asynccontextmanager
async def serving_watchers(services: Services, timing: Timing = PROMPT) -> AsyncIterator[str]:
    """The URL of a process that ends with the block."""
    url = services.database.engine.url.render_as_string(hide_password=False)
    database = open_database(url, Role.API)
    settings = load_settings(database_url=url, secret_key="k" * 32, api_port=0)
    server = server_of(settings, replace(services, database=database, timing=timing))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port_of(server)}"
    server.should_exit = True
    async with asyncio.timeout(20):
        await running
    await database.aclose()


@pytest.fixture
async def serve(services: Services) -> AsyncIterator[Serve]:
    opened = []

    async def one_more(timing: Timing = PROMPT) -> str:
        serving = serving_watchers(services, timing)
        opened.append(serving)
        return await serving.__aenter__()

    yield one_more
    for serving in reversed(opened):
        await serving.__aexit__(None, None, None)


@pytest.fixture
async def url(serve: Serve) -> str:
    return await serve()


@pytest.fixture
def key(api: ApiClient) -> str:
    """Of the client's workspace."""
    return api.http.headers["Authorization"].removeprefix("Bearer ")
