"""Supervision: a group of processes that is started again when it dies, until it is told to end."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from threading import Event, Timer
from time import monotonic

import structlog

log = structlog.get_logger(__name__)

# Seconds between a death and the next start; the last one again and again.
_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
# What lived that long was well, whatever became of it.
_STEADY_S = 60.0


class Supervisor:
    """
    Keeps one group of processes running: the one that *start* starts, and all that it starts in its turn.

    *start* makes it the leader of a session of its own, so that nothing of it outlives a death: workers
    whose master was killed would consume for ever.
    """

    def __init__(
        self,
        start: Callable[[], "subprocess.Popen[bytes]"],
        *,
        pauses_s: Sequence[float] = _PAUSES_S,
        steady_s: float = _STEADY_S,
        end_within_s: float = 45.0,
    ) -> None:
        self._start = start
        self._pauses_s = pauses_s
        self._steady_s = steady_s
        self._end_within_s = end_within_s
        self._leader: subprocess.Popen[bytes] | None = None
        self._told_to_end = Event()

    @property
    def is_told_to_end(self) -> bool:
        return self._told_to_end.is_set()

    def run(self) -> int:
        """
        Start the group again and again until :meth:`end`; the exit status of its last leader, 0 without one.

        A group that never lived long enough to be well is given up after the last pause: what hinders it is
        no accident.
        """
        status, deaths, was_well = 0, 0, False
        while not self.is_told_to_end:
            began = monotonic()
            status = self._live()
            if self.is_told_to_end:
                break
            if monotonic() - began >= self._steady_s:
                deaths, was_well = 0, True
            if deaths == len(self._pauses_s) and not was_well:
                log.error("group.given_up", status=status)
                return status
            pause_s = self._pauses_s[min(deaths, len(self._pauses_s) - 1)]
            deaths += 1
            log.error("group.died", status=status, next_start_in_s=pause_s)
            self._told_to_end.wait(pause_s)
        return status

    def end(self, number: int = signal.SIGTERM) -> None:
        """
        Pass signal *number* on to the leader and start it no more; a signal's handler may call this.

        A group that has not ended in time is killed.
        """
        self._told_to_end.set()
        leader = self._leader
        if leader is not None:
            leader.send_signal(number)
            self._kill_in_time(leader)

    def _live(self) -> int:
        leader = self._leader = self._start()
        try:
            if self._told_to_end.is_set():  # between the death of the last one and the start of this one
                leader.send_signal(signal.SIGTERM)
                self._kill_in_time(leader)
            return leader.wait()
        finally:
            _end_group(leader.pid)

    def _kill_in_time(self, leader: "subprocess.Popen[bytes]") -> None:
        def kill() -> None:
            if leader.poll() is None:
                log.error("group.killed", after_s=self._end_within_s)
                _end_group(leader.pid)

        timer = Timer(self._end_within_s, kill)
        timer.daemon = True
        timer.start()


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
