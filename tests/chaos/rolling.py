"""
A rolling restart under load: workers are told to end one after another, the next when the last is back.

`python -m tests.chaos.rolling --rounds 20`
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from actors.queues import SENDER
from tests.chaos.accounts import Accounts, account
from tests.chaos.chaos import AHEAD, settle
from tests.chaos.fast_days import FastDays
from tests.chaos.installation import SETTINGS, Installation, installation
from tests.chaos.reporting import Say, report, run
from tests.chaos.traffic import SUBJECTS, Traffic, make_sequence
from tests.support.system import wait_for

_WORKERS = ("worker", "worker-2", "worker-3", "worker-4")
_MAILBOXES = 120
# What a worker leaves behind when it ends shows as a wait for its leases.
_SETTINGS = SETTINGS | {"DRUMBEAT_LEASE_S": "60"}
# What an operator allows a stop to take before SIGKILL.
LONGEST_EXIT_S = 45.0


@dataclass(frozen=True)
class Rolled:
    """How the restarts went, and what became of the emails meanwhile."""

    restarts: int
    slowest_exit_s: float
    failed_exits: list[int]
    accounts: Accounts

    def as_json(self) -> dict[str, object]:
        figures = {"restarts": self.restarts, "slowest_exit_s": round(self.slowest_exit_s, 1)}
        return figures | self.accounts.as_json()

    @property
    def breaches(self) -> list[str]:
        found = [f"a worker ended with {status}" for status in self.failed_exits]
        if self.slowest_exit_s > LONGEST_EXIT_S:
            found.append(f"a worker took {self.slowest_exit_s:.0f} s to end")
        return found + self.accounts.breaches


def roll(
    directory: Path, *, rounds: int, seed: int, ahead: int = AHEAD, say: Say = lambda line: None
) -> Rolled:
    """
    Restart each of four workers by SIGTERM in *rounds* turns while emails leave, then count.

    *ahead* emails are always asked for and have not left yet.

    Raises:
        TimeoutError: If a worker does not get ready, or not everything is settled in time.
    """
    exits: list[tuple[int, float]] = []
    also = ("clock", *_WORKERS)
    with installation(directory, seed=seed, also=also, settings=_SETTINGS, reset_percent=0) as running:
        days = FastDays(running.database_url)
        traffic = Traffic(
            running,
            make_sequence(running, mailboxes=_MAILBOXES),
            contacts=1_000_000,
            wants_more=lambda enrolled: enrolled * len(SUBJECTS) - running.log.count() < ahead,
        )
        days.start()
        traffic.start()
        try:
            _wait_for_workers(running)
            wait_for(lambda: running.log.count() > 0, "the first letter")
            for number in range(rounds * len(_WORKERS)):
                exits.append(_restart(running, _WORKERS[number % len(_WORKERS)]))
                say(f"restart {number + 1}: {exits[-1][1]:.1f} s, {running.log.count()} letters received")
            traffic.stop.set()
            traffic.join()
            settle(running, traffic, say)
        finally:
            traffic.stop.set()
            traffic.join()
            days.stop()
        accounts = account(running, traffic.enrolled, most_interrupted=0)
    failed = [status for status, _ in exits if status != 0]
    return Rolled(len(exits), max(seconds for _, seconds in exits), failed, accounts)


def _restart(running: Installation, name: str) -> tuple[int, float]:
    """The exit status of the worker *name* and the seconds that its end took; another one is ready then."""
    began = time.monotonic()
    status = running.system.stop(name)
    took = time.monotonic() - began
    running.system.start(name)
    _wait_for_workers(running)
    return status, took


def _wait_for_workers(running: Installation) -> None:
    wait_for(lambda: running.vhost.consumers(SENDER) == len(_WORKERS), "all workers to be ready")


def main(rounds: Annotated[int, typer.Option(min=1)] = 20, seed: Annotated[int, typer.Option()] = 1) -> None:
    """Progress goes to standard error, a line of JSON with the result to standard output."""
    with tempfile.TemporaryDirectory(prefix="drumbeat-rolling-") as directory:
        rolled = roll(Path(directory), rounds=rounds, seed=seed, say=lambda line: typer.echo(line, err=True))
    report(rolled.as_json(), rolled.breaches)


if __name__ == "__main__":
    run(main)
