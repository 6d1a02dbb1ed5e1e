"""An installation that sends: a clock and worker processes of ours, and what they use of the machine."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from time import monotonic, sleep

from bench.planning_process import ROOT

MARKING = "app.worker_process:broker"
UNMARKED = "bench.unmarked_worker:broker"

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_READY_WITHIN_S = 60.0
_STOPPED_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Installation:
    """Its processes by id: all of them, and those among them that send."""

    leaders: Sequence[int]

    def cpu_s(self) -> float:
        """CPU seconds that all its processes have used so far."""
        return sum(_cpu_s(pid) for pid in self._all())

    def peaks_mb(self) -> list[float]:
        """The most memory that each worker process ever had, greatest first."""
        return sorted((_peak_mb(pid) for pid in self.workers()), reverse=True)

    def workers(self) -> list[int]:
        return [pid for pid in self._all() if "dramatiq" in _command(pid) and not _children(pid)]

    def _all(self) -> list[int]:
        found = list(self.leaders)
        for pid in found:
            found.extend(_children(pid))
        return found


@contextmanager
def installation(
    directory: Path,
    *,
    database_url: str,
    amqp_url: str,
    entry: str = MARKING,
    processes: int = 2,
    connections: int = 32,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Installation]:
    """Start a clock and *processes* that send over *connections* each; they end with the block."""
    environment = os.environ | {
        "DRUMBEAT_DATABASE_URL": database_url,
        "DRUMBEAT_AMQP_URL": amqp_url,
        "DRUMBEAT_SECRET_KEY": "of a benchmark, and nobody else's: it keeps no secret",
        "DRUMBEAT_LOG_FORMAT": "json",
        "DRUMBEAT_SMTP_ALLOW_NETWORKS": "127.0.0.0/8",
        "DRUMBEAT_SMTP_CONNECTIONS": str(connections),
        **(settings or {}),
    }
    worker = [sys.executable, "-m", "dramatiq", entry, "--processes", str(processes), "--threads", "4"]
    commands = {"worker": worker, "clock": [sys.executable, "-m", "app.cli", "clock"]}
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name, command in commands.items():
            with (directory / f"{name}.log").open("wb") as log:
                process = subprocess.Popen(
                    command, env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
                )
                started.append(process)
        running = Installation([process.pid for process in started])
        _wait_until_ready(running, processes, directory)
        yield running
    finally:
        for process in started:
            process.send_signal(SIGTERM)
        for process in started:
            process.wait(_STOPPED_WITHIN_S)


def _wait_until_ready(running: Installation, processes: int, directory: Path) -> None:
    deadline = monotonic() + _READY_WITHIN_S
    while len(running.workers()) < processes:
        if monotonic() > deadline:
            raise RuntimeError((directory / "worker.log").read_text(errors="replace")[-2000:])
        sleep(0.1)


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def _cpu_s(pid: int) -> float:
    """Its own and, once they ended, its children's."""
    try:
        used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in used[11:15]) / _TICKS_PER_S


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/{pid}/status does not say VmHWM")
