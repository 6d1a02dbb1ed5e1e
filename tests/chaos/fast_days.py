"""Business time that runs faster than the world's, at a speed that may change, and skips the nights."""

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psycopg
from typing_extensions import override

OPENS_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""On a Monday."""
WINDOW = timedelta(minutes=2)
SPEED = 10
# What was due in the last moments is still begun, or refused by the gate, before the next morning.
_EVENING = timedelta(seconds=20)
_EVERY_S = 0.1
_SET = """
INSERT INTO business_clock (id, present) VALUES (1, %s)
ON CONFLICT (id) DO UPDATE SET present = excluded.present
"""


class FastDays(threading.Thread):
    """From `start` to `stop` each day is its *window* and a short evening, *speed* times as fast as here."""

    def __init__(self, database_url: str, *, window: timedelta = WINDOW, speed: float = SPEED) -> None:
        super().__init__(name="fast days", daemon=True)
        self.speed = speed
        """May be changed while they run."""
        self._url = database_url
        self._window = window
        self._passed = timedelta()
        self._ended = threading.Event()
        self._set(OPENS_AT)

    @override
    def run(self) -> None:
        at = time.monotonic()
        while not self._ended.wait(_EVERY_S):
            before, at = at, time.monotonic()
            self._passed += timedelta(seconds=self.speed * (at - before))
            # Without its database time stands still for everyone, and jumps when that is back.
            with suppress(psycopg.Error):
                self._set(self._present())

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _present(self) -> datetime:
        days, into_day = divmod(self._passed, self._window + _EVENING)
        return OPENS_AT + timedelta(days=days) + into_day

    def _set(self, present: datetime) -> None:
        with psycopg.connect(self._url, connect_timeout=5) as conn:
            conn.execute(_SET, [present])
