"""Drumbeat as it runs for its users: separate api, worker and clock processes over real servers."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SECRET_KEY = "of the tests, and nobody else's; 32 or more"
# Of a machine that other tests keep busy.
_PATIENCE_S = 90.0


@dataclass
class System:
    """The processes of one installation, their logs in *directory*."""

    directory: Path
    environment: Mapping[str, str]
    api_port: int
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _starts: int = 0

    @property
    def graphql(self) -> str:
        return f"http://127.0.0.1:{self.api_port}/graphql"

    def start(self, name: str) -> Path:
        """
        Start `drumbeat` *name*, and answer its log; it is running, and not necessarily ready, then.

        Of several of a kind the others have a number: `worker`, `worker-2`.
        """
        self._starts += 1
        path = self.directory / f"{self._starts:02d}-{name}.log"
        with path.open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "app.cli", name.partition("-")[0]],
                env=os.environ | dict(self.environment),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return path

    def kill(self, name: str) -> None:
        """End *name* and everything that it started by SIGKILL, as a crash of its machine would."""
        process = self.processes.pop(name)
        for pid in [*_descendants(process.pid), process.pid]:
            _signal(pid, signal.SIGKILL)
        process.wait()

    def kill_youngest(self, name: str) -> None:
        """End one process of *name* by SIGKILL, as the kernel does when memory runs out."""
        for pid in _descendants(self.processes[name].pid)[:1]:
            _signal(pid, signal.SIGKILL)

    def freeze(self, name: str) -> None:
        """Stop *name* and everything that it started in the midst of what they do, until `thaw`."""
        process = self.processes[name]
        for pid in [process.pid, *_descendants(process.pid)]:
            _signal(pid, signal.SIGSTOP)

    def most_memory_mb(self, name: str) -> float:
        """The most memory that one process of *name* has had since its start (VmHWM)."""
        peaks = [0]
        for pid in _descendants(self.processes[name].pid):
            status = Path(f"/proc/{pid}/status").read_text()
            peaks.append(int(status.partition("VmHWM:")[2].split()[0]))
        return max(peaks) / 1024

    def thaw(self, name: str) -> None:
        process = self.processes[name]
        for pid in [*_descendants(process.pid), process.pid]:
            _signal(pid, signal.SIGCONT)

    def stop(self, name: str) -> int:
        """End *name* by SIGTERM and wait for it; its exit status."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(timeout=50)
        except subprocess.TimeoutExpired:
            for pid in [*_descendants(process.pid), process.pid]:
                _signal(pid, signal.SIGKILL)
            process.wait()
            raise

    def wait_until_ready(self) -> None:
        wait_for(lambda: _answers(f"http://127.0.0.1:{self.api_port}/readyz"), "the API to be ready")

    def whole_logs(self) -> str:
        return "\n".join(log.read_text(errors="replace") for log in sorted(self.directory.glob("*.log")))

    def logs(self) -> str:
        """The end of each log."""
        return "\n".join(
            f"== {log.name}\n{log.read_text(errors='replace')[-4000:]}"
            for log in sorted(self.directory.glob("*.log"))
        )


@contextmanager
def drumbeat(
    directory: Path,
    *,
    database_url: str,
    amqp_url: str,
    settings: Mapping[str, str],
    names: Sequence[str] = ("api", "worker", "clock"),
) -> Iterator[System]:
    """An installation with *names* running; all of it is gone when the block ends."""
    port = free_port()
    environment = {
        "DRUMBEAT_DATABASE_URL": database_url,
        "DRUMBEAT_AMQP_URL": amqp_url,
        "DRUMBEAT_SECRET_KEY": SECRET_KEY,
        "DRUMBEAT_API_PORT": str(port),
        "DRUMBEAT_LOG_FORMAT": "json",
        "DRUMBEAT_SMTP_ALLOW_NETWORKS": "127.0.0.0/8",
        **settings,
    }
    system = System(directory, environment, port)
    try:
        for name in names:
            system.start(name)
        system.wait_until_ready()
        yield system
    except BaseException:
        sys.stderr.write(system.logs())
        raise
    finally:
        for name in list(system.processes):
            system.kill(name)


def wait_for(condition: Callable[[], bool], what: str, *, timeout_s: float = _PATIENCE_S) -> None:
    """Look every 50 ms until *condition* holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _descendants(pid: int) -> list[int]:
    """All processes below *pid*, youngest first."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.extend(below)
        waiting.extend(below)
    return found[::-1]


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
