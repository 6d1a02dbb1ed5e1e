"""Servers that answer the one list, each a process of its own: ours, the floor, and the peer."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import httpx

from bench.listing import SQL
from bench.load import TIMEOUT_S, Target, ask
from bench.planning_process import ROOT
from bench.timetable_checks import WrongResult
from tests.support.node import node

_READY_WITHIN_S = 60.0
_STOPPED_WITHIN_S = 30.0
# So many requests make the caches of a server warm, and Node's compiler.
_CLIENTS, _WARM = 10, 40


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers on a port."""

    pid: int
    port: int
    headers: Mapping[str, str] = field(default_factory=dict)

    def target(self, body: bytes, *, expected: bytes = b'"data"') -> Target:
        return Target(self.port, body, headers=self.headers, expected=expected)

    def memory_mb(self) -> float:
        """What it has in memory now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise RuntimeError(f"/proc/{self.pid}/status does not say VmRSS")


@contextmanager
def drumbeat_api(directory: Path, *, url: str, key: str) -> Iterator[Server]:
    """`drumbeat api`, one process."""
    port = free_port()
    settings = {
        "DRUMBEAT_DATABASE_URL": url,
        "DRUMBEAT_SECRET_KEY": "of a benchmark, and nobody else's: it keeps no secret",
        "DRUMBEAT_API_PORT": str(port),
        "DRUMBEAT_LOG_FORMAT": "json",
        # One key asks for all: it is counted as ever, and not refused.
        "DRUMBEAT_REQUESTS_PER_MINUTE": "1000000",
    }
    command = [sys.executable, "-m", "app.cli", "api"]
    with _running(directory / "api.log", command, port, settings) as pid:
        yield Server(pid, port, {"Authorization": f"Bearer {key}"})


@contextmanager
def plain_endpoint(directory: Path, *, url: str, workspace_id: object) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "bench.plain_endpoint", url, str(workspace_id), str(port)]
    with _running(directory / "plain.log", command, port) as pid:
        yield Server(pid, port)


@contextmanager
def yoga(directory: Path, *, url: str, workspace_id: object) -> Iterator[Server]:
    """graphql-yoga with pg, from `bench/peers`, as in production."""
    port, text = free_port(), directory / "statement.sql"
    text.write_text(SQL)
    where = [str(ROOT / "schema.graphql"), str(text), url, str(workspace_id), str(port)]
    command = node("yoga.js", *where, project=ROOT / "bench/peers")
    with _running(directory / "yoga.log", command, port, {"NODE_ENV": "production"}) as pid:
        yield Server(pid, port)


def same_answer(server: Server, body: bytes, *, expected: object = None) -> object:
    """
    What *server* answers to *body*, once it is warm.

    Raises:
        WrongResult: It is not what is *expected*: a server that answers less is faster.
    """
    target = server.target(body)
    ask(target, clients=_CLIENTS, each=_WARM)
    url = f"http://127.0.0.1:{server.port}/graphql"
    response = httpx.post(url, content=body, headers=target.fields(), timeout=TIMEOUT_S)
    answer: object = response.raise_for_status().json()
    if expected is not None and answer != expected:
        raise WrongResult(f"{str(answer)[:500]} instead of {str(expected)[:500]}")
    return answer


@contextmanager
def _running(
    log: Path, command: Sequence[str], port: int, settings: dict[str, str] | None = None
) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | (settings or {}), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_for(process, port, log)
        yield process.pid
    finally:
        process.terminate()
        process.wait(_STOPPED_WITHIN_S)


def _wait_for(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = monotonic() + _READY_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or monotonic() > deadline:
                raise RuntimeError(log.read_text(errors="replace")[-2000:]) from None
            sleep(0.05)
        else:
            return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
