"""Worker processes: dramatiq's own command, told what to run, watched over and ended as one."""

import asyncio
import os
import signal
import subprocess
import sys

import structlog

from app.awaited_database import await_database
from app.setting_sources import variable
from app.settings import Settings, load_settings
from app.supervision import Supervisor
from app.worker_metrics import worker_metrics
from persistence.database import Role, open_database

log = structlog.get_logger(__name__)

_ENTRY = "app.worker_process:broker"


def run_worker(settings: Settings, *, watch: bool = False) -> None:
    """
    Run workers until SIGTERM or SIGINT, then let them finish what they have in hand, as long as they may.

    The database is waited for first. Exits with the status of dramatiq's master process. One worker that is
    killed takes its master along: they are started again.

    Raises:
        Misconfigured: With a role that row-level security would not bind.
    """
    command = [sys.executable, "-m", "dramatiq", _ENTRY, "--queues", *settings.worker_queues]
    command += ["--processes", str(settings.worker_processes), "--threads", str(settings.worker_threads)]
    command += ["--worker-shutdown-timeout", str(round(settings.last_replies_s * 1000))]
    if watch:
        # The pattern that dramatiq passes by default matches nothing since watchdog 7.
        command += ["--watch", ".", "--include", "**/*.py"]
    with worker_metrics(settings) as of_metrics:
        environment = _environment(settings) | of_metrics
        supervisor = Supervisor(
            lambda: subprocess.Popen(command, env=environment, start_new_session=True),  # noqa: S603 - our own
            end_within_s=settings.stop_within_s,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda passed_on, _frame: supervisor.end(passed_on))
        asyncio.run(_await_database(settings, supervisor))
        status = supervisor.run()
    log.info("worker.stopped", status=status)
    raise SystemExit(status if status >= 0 else 1)


async def _await_database(settings: Settings, supervisor: Supervisor) -> None:
    database = open_database(settings.database_url, Role.WORKER, pool_size=1)
    try:
        await await_database(database, is_told_to_end=lambda: supervisor.is_told_to_end)
    finally:
        await database.aclose()


def _environment(settings: Settings) -> dict[str, str]:
    """The settings of this process for its workers: what was chosen on the command line included."""
    chosen = {
        "smtp_connections": str(settings.smtp_connections),
        "worker_threads": str(settings.worker_threads),
    }
    return os.environ | {variable(name): value for name, value in chosen.items()}


def worker_settings() -> Settings:
    """What a worker process finds in the environment that `run_worker` gave it."""
    settings = load_settings()
    settings.require("database_url", "amqp_url", "secret_key")
    return settings
