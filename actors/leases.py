"""Leases as their holder sees them: by a clock that a sleeping machine does not stop, and not to the last."""

import time
from datetime import timedelta

_LARGEST_MARGIN = timedelta(seconds=10)


def boot_time() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def trust_window(lease: timedelta) -> timedelta:
    """How much of *lease* may be used: a process that slept must not wake up and send in its last second."""
    return lease - min(_LARGEST_MARGIN, lease / 4)
