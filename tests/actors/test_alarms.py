"""One timer for many waits: it rings for the last that was set, and only then."""

import asyncio
from functools import partial

from actors.alarms import Alarm


async def test_it_rings_when_its_time_has_come() -> None:
    """Once, and not before."""
    loop = asyncio.get_running_loop()
    rung: list[float] = []
    alarm = Alarm(lambda: rung.append(loop.time()))
    due = loop.time() + 0.05

    alarm.set(due)
    await asyncio.sleep(0.15)

    assert len(rung) == 1
    assert rung[0] >= due


async def test_what_is_set_anew_rings_at_the_later_time_alone() -> None:
    """The timer of the first time goes off, and winds itself up for the second."""
    loop = asyncio.get_running_loop()
    rung: list[float] = []
    alarm = Alarm(lambda: rung.append(loop.time()))
    later = loop.time() + 0.1

    alarm.set(loop.time() + 0.02)
    alarm.set(later)
    await asyncio.sleep(0.2)

    assert len(rung) == 1
    assert rung[0] >= later


async def test_what_is_set_anew_may_ring_sooner() -> None:
    """An hour was set first."""
    rung: list[str] = []
    alarm = Alarm(lambda: rung.append("now"))

    alarm.set(asyncio.get_running_loop().time() + 3_600)
    alarm.set(asyncio.get_running_loop().time() + 0.02)
    await asyncio.sleep(0.1)

    assert rung == ["now"]


async def test_what_was_stopped_or_discarded_does_not_ring() -> None:
    """Stopped, it can be set again, with the timer that it has."""
    rung: list[str] = []
    stopped, discarded, again = (Alarm(partial(rung.append, name)) for name in "sda")
    soon = asyncio.get_running_loop().time() + 0.02

    for alarm in (stopped, discarded, again):
        alarm.set(soon)
    stopped.stop()
    discarded.discard()
    again.stop()
    again.set(soon)
    await asyncio.sleep(0.1)

    assert rung == ["a"]
