"""Who holds a place on a mailbox's day, and which slots nobody else can have for that."""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import NamedTuple, TypeAlias

from domain.ids import EmailId
from domain.rates import counted_at
from domain.seating import Holder, Seated
from domain.slot_grid import Ranges, SlotGrid, is_inside


@dataclass(slots=True)
class _Held:
    instant: datetime
    blocks: tuple[int, ...]
    # Where it may shift to; empty when it must stay.
    ranges: Ranges


# An email outside of the plan, its instant, and where it may shift to.
Arrival: TypeAlias = tuple[EmailId, datetime, Ranges]


def _turn(arrival: Arrival) -> tuple[datetime, int]:
    email_id, instant, _ = arrival
    return instant, email_id.int


class Place(NamedTuple):
    """An instant at which an email leaves or may leave; in *slot*, which may be free, or between slots."""

    instant: datetime
    slot: int | None = None
    is_free: bool = False


class Holders:
    """
    The emails that have their place in *grid*, and the slots that these take from others.

    *closed* answers the slots that stay empty for the sake of the mailbox's rates; *hour_of* the hour of an
    instant, where hours are limited.
    """

    def __init__(
        self,
        grid: SlotGrid,
        *,
        closed: Callable[[], Collection[int]],
        hour_of: Callable[[datetime], datetime] | None,
    ) -> None:
        self._grid = grid
        self._closed = closed
        self._hour_of = hour_of
        self._held: dict[Holder, _Held] = {}
        self._expected: list[Callable[[], Iterable[Arrival]]] = []
        # How many emails are too close to each slot, or on it.
        self._blocks: dict[int, int] = {}
        self._blocked: list[int] | None = None

    def expect(self, arrivals: Callable[[], Iterable[Arrival]]) -> None:
        """Emails that hold their places too: who they are is asked only when it matters."""
        self._expected.append(arrivals)

    def hold(self, holder: Holder, instant: datetime, ranges: Ranges = ()) -> None:
        """Note that *holder* has its place at *instant*; with *ranges* it may shift inside them."""
        self._let_in()
        blocks = self._grid.near(instant) or self._nearest(instant)
        self._held[holder] = _Held(instant, blocks, ranges)
        self._block(blocks)

    def release(self, holder: Holder) -> datetime:
        """Give back the place that *holder* has; its instant."""
        self._let_in()
        held = self._held.pop(holder)
        self._unblock(held.blocks)
        return held.instant

    def avoid(self, instant: datetime) -> None:
        """Keep the gap to an email that leaves at *instant*, on another day."""
        self._block(self._grid.near(instant))

    def forget(self, instant: datetime) -> None:
        """No longer avoid *instant*."""
        self._unblock(self._grid.near(instant))

    def _let_in(self) -> None:
        """Look at those who were expected, in order."""
        if self._expected:
            expected, self._expected = self._expected, []
            for arrival in sorted(chain.from_iterable(each() for each in expected), key=_turn):
                self.hold(*arrival)

    def instants(self) -> list[tuple[Holder, datetime]]:
        """Everyone and their instants, in the order in which they came."""
        self._let_in()
        return [(holder, held.instant) for holder, held in self._held.items()]

    def places(self, *, now: datetime) -> list[Place]:
        """Where emails would leave if every slot were used, in order; those that hold a place included."""
        self._let_in()
        places, sitting = [], set()
        ahead = range(self._grid.number_from(now), self._grid.slots)
        for held in self._held.values():
            if held.instant < now:
                places.append(Place(counted_at(held.instant, now=now)))
            elif self._is_seated(held) and held.blocks[0] in ahead and held.blocks[0] not in sitting:
                sitting.add(held.blocks[0])
            else:
                places.append(Place(held.instant))
        places.extend(
            Place(self._grid.instant(number), number, number not in sitting)
            for number in ahead
            if number in sitting or number not in self._blocks
        )
        return sorted(places, key=lambda place: place.instant)

    def _is_seated(self, held: _Held) -> bool:
        """Whether *held* is on a slot, or after it by no more than jitter may have put it."""
        if len(held.blocks) != 1:
            return False
        slot = self._grid.instant(held.blocks[0])
        return slot <= held.instant <= slot + self._grid.jitter

    def movable(self) -> list[Seated]:
        """Those that may shift: each alone on one slot of its own window."""
        self._let_in()
        return [
            Seated(holder, held.blocks[0], held.ranges)
            for holder, held in self._held.items()
            if len(held.blocks) == 1
            and self._blocks[held.blocks[0]] == 1
            and is_inside(held.blocks[0], held.ranges)
            and held.blocks[0] not in self._closed()
        ]

    def blocked(self) -> list[int]:
        """The slots that nobody else can have, ascending."""
        self._let_in()
        if self._blocked is None:
            self._blocked = sorted(self._blocks.keys() | self._closed())
        return self._blocked

    def _block(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            if self._blocked is not None and number not in self._blocks:
                insort(self._blocked, number)
            self._blocks[number] = self._blocks.get(number, 0) + 1

    def _unblock(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            self._blocks[number] -= 1
            if not self._blocks[number]:
                del self._blocks[number]
                if self._blocked is not None:
                    del self._blocked[bisect_left(self._blocked, number)]
        if self._blocked is not None and self._closed():
            # A slot may have been both, and is closed still.
            self._blocked = None

    def _nearest(self, instant: datetime) -> tuple[int, ...]:
        """
        The free slot nearest to *instant*, so that emails between slots use up slots as others do.

        One outside of the open time uses up none: it would depend on who came first which one that is.
        """
        if not self._grid.is_open(instant):
            return ()
        if self._hour_of is not None:
            in_hour = self._nearest_in(instant, self._hour_of(instant))
            if in_hour:
                return in_hour
        return self._nearest_in(instant, None)

    def _nearest_in(self, instant: datetime, hour: datetime | None) -> tuple[int, ...]:
        """As :meth:`_nearest`, in one *hour* if that is given."""
        middle = self._grid.number_from(instant)
        for distance in range(self._grid.slots + 1):
            for number in (middle - distance, middle + distance):
                if 0 <= number < self._grid.slots and number not in self._blocks:
                    if hour is None or self._hour_of is None:
                        return (number,)
                    if self._hour_of(self._grid.instant(number)) == hour:
                        return (number,)
        return ()
