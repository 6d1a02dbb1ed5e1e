"""What one API process needs to keep those informed who watch."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from api.live.broadcasts import Broadcasts
from api.live.changes import Changes
from api.live.seats import Seats

MOST_PER_CALLER = 200
MOST_PER_CONNECTION = 20


@dataclass(frozen=True, slots=True)
class Timing:
    """
    Whoever connects says in *init_s* who they are, and is asked again every *recheck_s*. A stream without
    news shows life every *ping_s*. Statistics are counted at most and at least so often while somebody looks,
    and emails that leave are looked for every *under_way_every*.
    """

    init_s: float = 10.0
    recheck_s: float = 30.0
    ping_s: float = 15.0
    at_most_every: timedelta = timedelta(seconds=1)
    at_least_every: timedelta = timedelta(seconds=5)
    under_way_every: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Live:
    """One per process, and open only while somebody watches."""

    changes: Changes
    timing: Timing
    broadcasts: Broadcasts = field(default_factory=Broadcasts)
    seats: Seats = field(default_factory=lambda: Seats(MOST_PER_CALLER))
    # Set when the process ends: streams are closed, and their clients go elsewhere.
    ending: asyncio.Event = field(default_factory=asyncio.Event)
