"""The examination of an installation: what is in order, what is not, and what helps."""

import asyncio
import difflib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import psycopg
from sqlalchemy.exc import DBAPIError

from actors import broker, mailbox_check
from actors.endpoints import Endpoint
from actors.outage import OutageCause, QueueUnavailable
from app.database_faults import fault_of
from app.setting_sources import variable
from app.settings import Settings
from persistence.database import Role, UnsafeRole, libpq_url, open_database
from persistence.migrations import UnknownRevision, pending

_OLDEST_POSTGRESQL = 14
_PATIENCE_S = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one *part*; *remedy* is empty when it is in order."""

    part: str
    words: str
    remedy: str = ""

    @property
    def is_fine(self) -> bool:
        return not self.remedy


async def examine(settings: Settings, *, smtp: Endpoint | None = None) -> AsyncIterator[Finding]:
    """Look at each part in turn; what depends on a part that is not in order is left out."""
    yield _settings(settings, os.environ)
    if settings.database_url:
        async for finding in _database(settings):
            yield finding
    if settings.amqp_url:
        yield await _broker(settings.amqp_url)
    if smtp is not None:
        yield await _smtp(smtp, settings)


def _settings(settings: Settings, environ: Mapping[str, str]) -> Finding:
    unset = [name for name in ("database_url", "amqp_url", "secret_key") if not getattr(settings, name)]
    if unset:
        names = ", ".join(variable(name) for name in unset)
        return Finding("settings", f"not set: {names}", "set them as .env.example shows")
    prefix = variable("")
    for name in sorted(environ):
        field = name.removeprefix(prefix).removesuffix("_FILE").lower()
        if name.startswith(prefix) and field not in Settings.model_fields:
            return Finding("settings", f"{name} is no setting", _nearest(field))
    return Finding("settings", "complete")


def _nearest(field: str) -> str:
    near = difflib.get_close_matches(field, Settings.model_fields, n=1)
    return f"did you mean {variable(near[0])}?" if near else "unset it, or look for its name in .env.example"


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    reached = await _reach(settings.database_url)
    yield reached
    if not reached.is_fine:
        return
    migrated = await asyncio.to_thread(_migrations, settings.database_url)
    yield migrated
    if migrated.is_fine:
        yield await _roles(settings.database_url)


async def _reach(url: str) -> Finding:
    try:
        conn = await psycopg.AsyncConnection.connect(libpq_url(url), connect_timeout=_PATIENCE_S)
    except psycopg.OperationalError as error:
        fault = fault_of(error)
        return Finding("database", fault.cause, fault.remedy)
    async with conn:
        server = conn.info
        words = f"PostgreSQL {server.parameter_status('server_version')} at {server.host}:{server.port}"
        if server.server_version // 10_000 < _OLDEST_POSTGRESQL:
            return Finding("database", words, f"upgrade it to {_OLDEST_POSTGRESQL} or newer")
        return Finding("database", f"{words}, database {server.dbname}")


def _migrations(url: str) -> Finding:
    try:
        missing = pending(url)
    except (UnknownRevision, DBAPIError) as error:
        fault = fault_of(error)
        return Finding("migrations", fault.cause, fault.remedy)
    if missing:
        return Finding("migrations", f"{len(missing)} are missing", "run `drumbeat migrate`")
    return Finding("migrations", "current")


async def _roles(url: str) -> Finding:
    for role in (Role.API, Role.WORKER):
        database = open_database(url, role, pool_size=1)
        try:
            await database.check_role()
        except (UnsafeRole, DBAPIError) as error:
            fault = fault_of(error)
            return Finding("roles", fault.cause, fault.remedy)
        finally:
            await database.aclose()
    return Finding("roles", "row-level security holds")


_BROKER_REMEDIES = {
    OutageCause.UNKNOWN_HOST: "correct the host in DRUMBEAT_AMQP_URL",
    OutageCause.REFUSED: "start RabbitMQ, or correct host and port in DRUMBEAT_AMQP_URL",
    OutageCause.UNREACHABLE: "open the way to RabbitMQ, or correct host and port in DRUMBEAT_AMQP_URL",
    OutageCause.LOGIN: "correct user name and password in DRUMBEAT_AMQP_URL",
    OutageCause.VHOST: "create the virtual host and give the user permissions for it (rabbitmqctl add_vhost)",
    OutageCause.BLOCKED: "free memory or disk on RabbitMQ's machine",
}


async def _broker(url: str) -> Finding:
    try:
        await asyncio.to_thread(broker.check, url)
    except QueueUnavailable as outage:
        remedy = _BROKER_REMEDIES.get(outage.cause, "see the log of RabbitMQ")
        return Finding("broker", f"RabbitMQ at {outage.address}: {outage.cause} ({outage.detail})", remedy)
    parameters = broker.connection_parameters(url)
    return Finding("broker", f"RabbitMQ at {parameters.host}:{parameters.port}")


async def _smtp(endpoint: Endpoint, settings: Settings) -> Finding:
    check = await mailbox_check.check(endpoint, allow=settings.smtp_allow_networks)
    if check.has_passed:
        return Finding("smtp", check.words)
    return Finding(
        "smtp", check.words, "correct what this line says; DRUMBEAT_SMTP_ALLOW_NETWORKS opens a LAN"
    )
