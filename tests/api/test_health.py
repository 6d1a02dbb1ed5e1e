"""Whether the process lives, and whether it can serve."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from api import health
from api.app import create_app
from api.context import Services
from api.health import Probe, migrations_probe
from persistence.database import Role, open_database
from tests.support.postgres import make_database


async def _readyz(services: Services, **probes: Probe) -> httpx.Response:
    app = create_app(replace(services, probes=probes))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.get("/readyz")


async def test_a_process_that_answers_lives(http: httpx.AsyncClient) -> None:
    """Whatever its database does: restarting it would not help."""
    response = await http.get("/livez")

    assert (response.status_code, response.json()) == (200, {"status": "alive"})


async def test_it_is_ready_when_every_part_is(services: Services, database_url: str) -> None:
    """The database answers and has the tables of this version."""
    response = await _readyz(services, migrations=migrations_probe(database_url))

    assert response.status_code == 200
    assert response.json() == {"status": "ready", "checks": {"database": "ok", "migrations": "ok"}}


async def test_missing_migrations_are_named_with_the_cure(services: Services, postgres_url: str) -> None:
    """Until they have run; then it is not asked again."""
    probe = migrations_probe(make_database(postgres_url, "drumbeat_not_migrated"))

    response = await _readyz(services, migrations=probe)

    assert response.status_code == 503
    said = response.json()
    assert (said["status"], said["checks"]["database"]) == ("not ready", "ok")
    assert said["checks"]["migrations"].endswith(" migrations are missing: run `drumbeat migrate`")


async def test_a_database_that_is_away_is_told_without_its_address(services: Services) -> None:
    """503 for a load balancer; the reason is in the log."""
    away = open_database("postgresql://nobody@127.0.0.1:1/nowhere", Role.API)

    response = await _readyz(replace(services, database=away))

    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "checks": {"database": "cannot be reached"}}


async def test_a_part_that_does_not_answer_holds_nothing_up(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its silence is an answer too, and a mistake in a probe is none of the others' business."""
    monkeypatch.setattr(health, "PATIENCE_S", 0.5)

    async def silent() -> str | None:
        await asyncio.sleep(60)
        return None

    async def broken() -> str | None:
        raise RuntimeError("secret")

    async def unwell() -> str | None:
        return "is full: empty it"

    response = await _readyz(services, silent=silent, broken=broken, unwell=unwell)

    assert response.status_code == 503
    assert response.json()["checks"] == {
        "database": "ok",
        "silent": "did not answer within 0.5 seconds",
        "broken": "cannot be reached",
        "unwell": "is full: empty it",
    }
