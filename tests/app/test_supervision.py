"""Supervision: what dies is started again, what is told to end ends, and nothing is left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from app.supervision import Supervisor

WAIT_S = 20.0
# Writes down that it lives, then waits; ends with 3 when it is told to.
STEADY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
with open(sys.argv[1], "a") as lives: lives.write(f"{os.getpid()}\\n")
time.sleep(60)
"""
# Has a child that would live on.
WITH_CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open(sys.argv[1], "a") as lives: lives.write(f"{child.pid}\\n")
time.sleep(60)
"""
# Does not end when it is told to, nor does its child.
STUBBORN = """
import signal, subprocess, sys, time
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", deaf])
with open(sys.argv[1], "a") as lives: lives.write(f"{child.pid}\\n")
time.sleep(60)
"""
BROKEN = "import sys; open(sys.argv[1], 'a').write('1\\n'); sys.exit(2)"


class Group:
    """A supervisor at work in a thread, and the pids that its processes wrote down."""

    def __init__(
        self, program: str, lives: Path, *, pauses_s: Sequence[float] = (0.05,), end_within_s: float = 45.0
    ) -> None:
        self._lives = lives
        self.started: list[subprocess.Popen[bytes]] = []
        self.supervisor = Supervisor(
            lambda: self._start(program), pauses_s=pauses_s, end_within_s=end_within_s
        )
        self.status: int | None = None
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _start(self, program: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", program, str(self._lives)]
        self.started.append(subprocess.Popen(command, start_new_session=True))
        return self.started[-1]

    def _run(self) -> None:
        self.status = self.supervisor.run()

    def pids(self, count: int) -> list[int]:
        """The pids that were written down, once there are *count*."""
        until = monotonic() + WAIT_S
        while monotonic() < until:
            pids = self._lives.read_text().split() if self._lives.exists() else []
            if len(pids) >= count:
                return [int(pid) for pid in pids]
            sleep(0.02)
        raise AssertionError(f"there were never {count} processes")

    def ended(self) -> int | None:
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        return self.status


def is_alive(pid: int) -> bool:
    """Whether *pid* runs; one that nobody waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_is_killed_is_started_again(tmp_path: Path) -> None:
    """And ends, with its own status, when it is told to."""
    group = Group(STEADY, tmp_path / "lives")
    (first,) = group.pids(1)

    os.kill(first, signal.SIGKILL)
    _, second = group.pids(2)
    assert is_alive(second)

    group.supervisor.end()
    assert group.ended() == 3
    assert len(group.started) == 2


def test_nothing_outlives_a_leader(tmp_path: Path) -> None:
    """Its children are ended before it is started again, and in the end."""
    group = Group(WITH_CHILD, tmp_path / "lives")
    (orphan,) = group.pids(1)

    group.started[0].kill()
    _, child = group.pids(2)
    assert not is_alive(orphan)

    group.supervisor.end()
    group.ended()
    until = monotonic() + WAIT_S
    while is_alive(child) and monotonic() < until:
        sleep(0.02)
    assert not is_alive(child)


def test_what_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    """With all that it started."""
    group = Group(STUBBORN, tmp_path / "lives", end_within_s=0.5)
    (child,) = group.pids(1)

    began = monotonic()
    group.supervisor.end()

    assert group.ended() == -signal.SIGKILL
    assert 0.5 <= monotonic() - began < WAIT_S
    until = monotonic() + WAIT_S
    while is_alive(child) and monotonic() < until:
        sleep(0.02)
    assert not is_alive(child)


def test_what_cannot_start_is_given_up(tmp_path: Path) -> None:
    """After as many starts as there are pauses, and one: its status is the answer."""
    group = Group(BROKEN, tmp_path / "lives", pauses_s=(0.01, 0.01))

    assert group.ended() == 2
    assert len(group.pids(3)) == 3


@pytest.mark.parametrize("repeated", [1, 2])
def test_it_can_be_ended_while_it_pauses(tmp_path: Path, repeated: int) -> None:
    """Nothing is started then; a second signal does no harm."""
    group = Group(BROKEN, tmp_path / "lives", pauses_s=(30.0,))
    group.pids(1)
    sleep(0.3)

    for _ in range(repeated):
        group.supervisor.end()

    assert group.ended() == 2
    assert len(group.started) == 1
