"""The API as an installation serves it: uvicorn on a port of this machine, by its settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.embedded import port_of
from app.serving import server_of, services_of
from app.settings import load_settings

KEY = "0123456789abcdef0123456789abcdef"


@asynccontextmanager
async def serving(database_url: str, **chosen: object) -> AsyncIterator[str]:
    """The URL at which the server of these settings answers."""
    settings = load_settings(database_url=database_url, secret_key=KEY, api_port=0, **chosen)
    services = services_of(settings)
    server = server_of(settings, services)
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port_of(server)}"
    server.should_exit = True
    await running
    await services.database.aclose()
