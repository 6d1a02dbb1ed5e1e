"""The API process: GraphQL over HTTP, by uvicorn."""

import asyncio
import contextlib
import gc
import signal
import socket

import uvicorn
from typing_extensions import override

from api.app import create_app
from api.context import Services
from api.executions import Executions
from api.health import migrations_probe
from api.limits import BODY_BYTES
from api.rate_limits import RateLimiter
from app.awaited_database import await_database
from app.business_clock import business_clock_of
from app.mailbox_checks import MailboxChecker
from app.oauth import identity_provider, token_endpoints
from app.settings import Settings
from persistence.database import Database, Role, open_database
from persistence.vault import Vault

# Young objects between two collections, instead of 700: a page makes hundreds, and hardly any cycles.
_COLLECTED_AFTER = 20_000


def services_of(settings: Settings) -> Services:
    """What the API is built from; its database pool belongs to the loop that uses it first."""
    vault = Vault(settings.secret_key.encode())
    database = open_database(settings.database_url, Role.API, pool_size=settings.database_pool_size)
    return Services(
        database=database,
        vault=vault,
        clock=business_clock_of(settings, database),
        public_url=settings.public_url,
        providers=frozenset(token_endpoints(settings)),
        identities=identity_provider(settings),
        login_founds=settings.login_founds_workspaces,
        after_login_url=settings.after_login_url,
        other_origins=settings.cors_origins,
        hsts_s=settings.hsts_s,
        check_mailbox=MailboxChecker(settings, database, vault),
        callers=_limiter(database, settings.requests_per_minute),
        strangers=_limiter(database, settings.failed_attempts_per_minute),
        executions=Executions(at_once=settings.api_executions, waiting=settings.api_waiting),
        metrics_token=settings.metrics_token,
        probes={"migrations": migrations_probe(settings.database_url)},
    )


def _limiter(database: Database, limit: int) -> RateLimiter | None:
    return RateLimiter(database, limit=limit) if limit else None


def server_of(settings: Settings, services: Services) -> uvicorn.Server:
    """The HTTP server over *services*; it logs through the application's own log."""
    server = _Server(
        services,
        uvicorn.Config(
            create_app(services),
            host=settings.api_host,
            port=settings.api_port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
            ws_max_size=BODY_BYTES,
        ),
    )
    # Signals belong to whoever runs the process: uvicorn would end it by the signal that it was stopped by.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    return server


class _Server(uvicorn.Server):
    """Ends streams before it waits for requests to end: they would last for ever."""

    def __init__(self, services: Services, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._services = services

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._services.live.ending.set()
        await super().shutdown(sockets)


def run_api(settings: Settings) -> None:
    """
    Serve until SIGTERM or SIGINT, as soon as the database is there.

    Raises:
        Misconfigured: With a role that row-level security would not bind.
    """
    with asyncio.Runner(loop_factory=_uvloop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    services = services_of(settings)
    try:
        server = server_of(settings, services)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
        await await_database(services.database, is_told_to_end=lambda: server.should_exit)
        _collect_less()
        await server.serve()
    finally:
        await services.database.aclose()


def _collect_less() -> None:
    """What is loaded now stays loaded: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)


def _uvloop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()
