"""Whether this process lives, and whether it can serve: the database and what else it is told to probe."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import text
from starlette.responses import JSONResponse

from api.context import Services
from persistence.database import Database
from persistence.migrations import UnknownRevision, pending

log: structlog.stdlib.BoundLogger = structlog.get_logger()
PATIENCE_S = 2.0
# None when the part is ready, or what is wrong and how to mend it.
Probe = Callable[[], Awaitable[str | None]]


def alive() -> JSONResponse:
    return JSONResponse({"status": "alive"})


async def ready(services: Services) -> JSONResponse:
    """200 when every part is ready, else 503; either way what each part says, by name."""
    probes: dict[str, Probe] = {"database": _database_probe(services.database), **services.probes}
    said = dict(zip(probes, await asyncio.gather(*map(_asked, probes, probes.values())), strict=True))
    is_ready = all(trouble is None for trouble in said.values())
    return JSONResponse(
        {
            "status": "ready" if is_ready else "not ready",
            "checks": {name: trouble or "ok" for name, trouble in said.items()},
        },
        200 if is_ready else 503,
        {"Cache-Control": "no-store"},
    )


def migrations_probe(url: str) -> Probe:
    """Whether the database at *url* has the tables of this version; once it has, it is not asked again."""
    is_current = False

    async def probe() -> str | None:
        nonlocal is_current
        if is_current:
            return None
        try:
            missing = await asyncio.to_thread(pending, url)
        except UnknownRevision:
            return "the database was migrated by a newer version: upgrade this process"
        is_current = not missing
        return f"{len(missing)} migrations are missing: run `drumbeat migrate`" if missing else None

    return probe


def _database_probe(database: Database) -> Probe:
    async def probe() -> str | None:
        async with database.transaction() as conn:
            await conn.execute(text("SELECT 1"))
        return None

    return probe


async def _asked(name: str, probe: Probe) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await probe()
    except TimeoutError:
        return f"did not answer within {PATIENCE_S:g} seconds"
    except Exception:
        log.warning("api.probe_failed", probe=name, exc_info=True)
        return "cannot be reached"
