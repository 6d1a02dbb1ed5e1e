"""The HTTP server by the settings: what it believes of the proxies before it."""

import httpx
import pytest

from tests.support.serving import serving


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
