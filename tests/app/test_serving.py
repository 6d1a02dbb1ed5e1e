"""The HTTP server by the settings: what it believes of the proxies before it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

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


@pytest.mark.usefixtures("bare_environment")
@pytest.mark.parametrize(
    ("trusted", "told"), [("127.0.0.0/8", "max-age=3600"), ("10.0.0.0/8", None), ("", None)]
)
async def test_only_a_proxy_that_is_trusted_says_how_it_was_asked(
    database_url: str, trusted: str, told: str | None
) -> None:
    """That it was over TLS, for one; by default nobody is believed, not even this machine."""
    async with (
        serving(database_url, trusted_proxies=trusted, hsts_s=3600) as url,
        httpx.AsyncClient() as client,
    ):
        answer = await client.get(f"{url}/livez", headers={"X-Forwarded-Proto": "https"})

    assert answer.status_code == 200
    assert answer.headers.get("strict-transport-security") == told


@pytest.mark.usefixtures("bare_environment")
async def test_logins_are_served_where_they_are_set_up(database_url: str) -> None:
    """The issuer of this test listens nowhere, and that is what the page says."""
    nowhere = {"google_login_client_id": "us", "google_login_issuer": "http://127.0.0.1:1"}

    async with serving(database_url) as url, httpx.AsyncClient() as client:
        without = await client.get(f"{url}/auth/google/start")
    async with serving(database_url, **nowhere) as url, httpx.AsyncClient() as client:
        with_it = await client.get(f"{url}/auth/google/start")

    assert (without.status_code, with_it.status_code) == (404, 503)
