"""The watchdog: an event loop that is blocked holds up every email, and its leases run out meanwhile."""

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final

import structlog

log = structlog.get_logger(__name__)

# The exit status of a process that its watchdog ended: EX_SOFTWARE.
BLOCKED_STATUS: Final = 70
# A look at least that often, in seconds.
_LONGEST_PAUSE_S: Final = 1.0


def end_process() -> None:
    """End at once: whatever would have to be closed in order waits for the loop."""
    os._exit(BLOCKED_STATUS)


class Watchdog:
    """
    Watches *loop*, which *loop_thread* runs, from a thread of its own.

    It is told of once when the loop did nothing for *warn_after_s*, with what its thread is doing, and once
    when it goes on. After *give_up_after_s* comes *give_up*. Code that holds the interpreter's lock all the
    time, such as one long match of a regular expression, holds up the watchdog too.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        loop_thread: threading.Thread,
        *,
        warn_after_s: float,
        give_up_after_s: float,
        give_up: Callable[[], None] = end_process,
    ) -> None:
        self._loop = loop
        self._loop_thread = loop_thread
        self._warn_after_s = warn_after_s
        self._give_up_after_s = give_up_after_s
        self._give_up = give_up
        self._pause_s = min(warn_after_s / 4, give_up_after_s / 4, _LONGEST_PAUSE_S)
        self._beat = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer; for when the loop is about to end."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        blocked_s, has_warned = 0.0, False
        self._ask()
        looked_at = monotonic()
        while not self._stopped.wait(self._pause_s) and not self._loop.is_closed():
            # A process that was stopped, or a machine that slept, is not a blocked loop: its time counts as
            # one look.
            passed_s = min(monotonic() - looked_at, 2 * self._pause_s)
            looked_at = monotonic()
            if self._beat.is_set():
                if has_warned:
                    log.warning("loop.goes_on", blocked_s=round(blocked_s, 1))
                blocked_s, has_warned = 0.0, False
                self._ask()
                continue
            blocked_s += passed_s
            if blocked_s >= self._warn_after_s and not has_warned:
                has_warned = True
                log.error("loop.blocked", blocked_s=round(blocked_s, 1), stack=self._stack())
            if blocked_s >= self._give_up_after_s:
                log.critical("loop.given_up", blocked_s=round(blocked_s, 1), stack=self._stack())
                self._give_up()
                return

    def _ask(self) -> None:
        """Have the loop show life when it comes to it."""
        self._beat.clear()
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._beat.set)

    def _stack(self) -> str:
        """Where the loop's thread is; files, lines and functions, without values."""
        frame = sys._current_frames().get(self._loop_thread.ident or 0)
        return "".join(traceback.format_stack(frame)) if frame is not None else "its thread has ended"
