"""`drumbeat up`: all in one process on embedded defaults, with its data kept in a directory."""

import asyncio
import secrets
import signal
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import structlog
import typer

from app.embedded import everything, port_of
from app.embedded_postgres import EmbeddedPostgresFailed, start_postgres
from app.founding import found_workspace, is_unfounded
from app.misconfiguration import Misconfigured
from app.settings import Settings
from persistence.migrations import migrate

log = structlog.get_logger(__name__)


def run_up(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. The first start makes a workspace and shows its API key, once."""
    with ExitStack() as running:
        settings = _completed(settings, running)
        migrate(settings.database_url)
        asyncio.run(_run(settings))


def _completed(settings: Settings, running: ExitStack) -> Settings:
    """*settings* with what is not set brought along: a database of our own and a secret key."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    chosen: dict[str, object] = {}
    if not settings.database_url:
        try:
            postgres = start_postgres(settings.data_dir.resolve() / "postgresql")
        except EmbeddedPostgresFailed as failed:
            raise Misconfigured([str(failed)]) from failed
        running.callback(postgres.stop)
        chosen["database_url"] = postgres.url
    if not settings.secret_key:
        chosen["secret_key"] = _kept_secret(settings.data_dir / "secret_key")
    return settings.model_copy(update=chosen)


def _kept_secret(file: Path) -> str:
    """The secret key of this data directory; made with it, because what it encrypts is kept there too."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32))
    return file.read_text().strip()


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await _welcome(settings)
    async with everything(settings, now=lambda: datetime.now(UTC)) as server:
        typer.echo(f"GraphQL at http://{settings.api_host}:{port_of(server)}/graphql  (stop with Ctrl-C)")
        await stop.wait()


async def _welcome(settings: Settings) -> None:
    if await is_unfounded(settings.database_url):
        _, key = await found_workspace(settings.database_url, name="My workspace", zone="UTC")
        typer.echo(f"Your API key, shown this once: {key}")
