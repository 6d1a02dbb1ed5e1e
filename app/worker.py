"""Worker processes: dramatiq's own command, told what to run, watched over and ended as one."""

import os
import signal
import subprocess
import sys
from types import FrameType

import structlog

from app.setting_sources import variable
from app.settings import Settings, load_settings

log = structlog.get_logger(__name__)

# Longer than a worker needs to drain what is on its way.
_GRACE_S = 45
_ENTRY = "app.worker_process:broker"


def run_worker(settings: Settings, *, watch: bool = False) -> None:
    """
    Run workers until SIGTERM or SIGINT, then let them finish what they have in hand.

    Exits with the status of dramatiq's master process. The processes are a group of their own: nothing of
    it outlives this one.
    """
    command = [sys.executable, "-m", "dramatiq", _ENTRY, "--queues", *settings.worker_queues]
    command += ["--processes", str(settings.worker_processes), "--threads", str(settings.worker_threads)]
    command += ["--worker-shutdown-timeout", str(_GRACE_S * 1000)]
    if watch:
        # The pattern that dramatiq passes by default matches nothing since watchdog 7.
        command += ["--watch", ".", "--include", "**/*.py"]
    workers = subprocess.Popen(command, env=_environment(settings), start_new_session=True)  # noqa: S603 - our own command

    def pass_on(number: int, _frame: FrameType | None) -> None:
        workers.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
    try:
        status = workers.wait()
    finally:
        _end_group(workers.pid)
    log.info("worker.stopped", status=status)
    raise SystemExit(status if status >= 0 else 1)


def _end_group(group: int) -> None:
    """End what is left of the process group: a killed master leaves workers behind that still consume."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


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
