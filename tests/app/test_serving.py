"""The HTTP server by the settings: what it believes of the proxies before it."""

import httpx
import pytest

from app.serving import services_of
from app.settings import load_settings
from tests.support.serving import KEY, serving


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
@pytest.mark.parametrize(("trusted", "refused"), [("127.0.0.0/8", False), ("10.0.0.0/8", True), ("", True)])
async def test_only_a_proxy_that_is_trusted_says_from_where_it_was_asked(
    database_url: str, trusted: str, refused: bool
) -> None:
    """Else whoever tries keys would write another address into each request."""
    attempts = [
        {"X-Forwarded-For": f"203.0.113.{number}", "Authorization": "Bearer db_wrong"} for number in range(4)
    ]
    document = {"query": "{ viewer { name } }"}
    async with (
        serving(database_url, trusted_proxies=trusted, failed_attempts_per_minute=1) as url,
        httpx.AsyncClient() as client,
    ):
        answers = [await client.post(f"{url}/graphql", json=document, headers=each) for each in attempts]

    # A minute may have ended among them, and not more than one.
    statuses = {answer.status_code for answer in answers}
    assert statuses == ({401, 429} if refused else {401})


@pytest.mark.usefixtures("bare_environment")
async def test_limits_are_as_they_are_set(database_url: str) -> None:
    """Of requests and of executions; 0 counts nothing."""
    settings = load_settings(database_url=database_url, secret_key=KEY, requests_per_minute=7, api_waiting=0)
    services = services_of(settings)
    uncounted = services_of(
        settings.model_copy(update={"requests_per_minute": 0, "failed_attempts_per_minute": 0})
    )

    assert services.callers is not None
    assert (await services.callers.take("somebody")).limit == 7
    assert (uncounted.callers, uncounted.strangers) == (None, None)
    await services.database.aclose()
    await uncounted.database.aclose()


@pytest.mark.usefixtures("bare_environment")
async def test_logins_are_served_where_they_are_set_up(database_url: str) -> None:
    """The issuer of this test listens nowhere, and that is what the page says."""
    nowhere = {"google_login_client_id": "us", "google_login_issuer": "http://127.0.0.1:1"}

    async with serving(database_url) as url, httpx.AsyncClient() as client:
        without = await client.get(f"{url}/auth/google/start")
    async with serving(database_url, **nowhere) as url, httpx.AsyncClient() as client:
        with_it = await client.get(f"{url}/auth/google/start")

    assert (without.status_code, with_it.status_code) == (404, 503)
