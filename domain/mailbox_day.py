"""One mailbox's local day: who holds a place in it, who asked for one, and how much room is left."""

from bisect import insort
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.fixed_slots import FreeStretches, spare_slot
from domain.journeys import Booking
from domain.mailboxes import UNLIMITED
from domain.rates import LATE_BY
from domain.seating import Holder, Kind, Seated, Seating, spread
from domain.send_window import Span
from domain.slot_grid import Ranges, SlotGrid, free_count, is_inside, nth_free


@dataclass(slots=True)
class _Held:
    instant: datetime
    blocks: tuple[int, ...]
    # Where it may shift to; empty when it must stay.
    ranges: Ranges


class Place(NamedTuple):
    """An instant at which an email leaves or may leave; in *slot*, which may be free, or between slots."""

    instant: datetime
    slot: int | None = None
    is_free: bool = False


class MailboxDay:
    """
    The slots of one mailbox on one of its local days; those before *now* are gone.

    Emails ask for a slot with :meth:`reserve`; which slot each gets is decided for all at once by
    :meth:`assign`, so that any number of emails is spread evenly. *closed* answers the slots that stay empty
    for the sake of the mailbox's rates; *hour_of* the hour of an instant, where hours are limited.
    """

    def __init__(
        self,
        grid: SlotGrid,
        *,
        now: datetime,
        closed: Callable[[], Collection[int]] = tuple,
        hour_of: Callable[[datetime], datetime] | None = None,
    ) -> None:
        self.grid = grid
        self.now = now
        self._closed = closed
        self._hour_of = hour_of
        # Emails on this day: those that hold a place and those that asked for one.
        self.count = 0
        self._holders: dict[Holder, _Held] = {}
        # By where they may go, and whether they are urgent.
        self._requests: dict[tuple[Ranges, bool], list[Holder]] = {}
        self._blocks: dict[int, int] = {}
        self._blocked: list[int] | None = None
        self._rooms: dict[Ranges, int] = {}
        self._stretches: dict[Ranges, FreeStretches] = {}

    @property
    def is_over(self) -> bool:
        return self.grid.capacity != UNLIMITED and self.count > self.grid.capacity

    def ranges_in(self, spans: Sequence[Span], not_before: datetime | None = None) -> Ranges:
        """The slots inside *spans* that are still ahead."""
        return self.grid.ranges(spans, since=self.now if not_before is None else max(self.now, not_before))

    def hold(self, holder: Holder, instant: datetime, ranges: Ranges = ()) -> None:
        """Note that *holder* already has its place at *instant*; with *ranges* it may shift inside them."""
        blocks = self.grid.near(instant) or self._nearest(instant)
        self._holders[holder] = _Held(instant, blocks, ranges)
        self.count += 1
        self._block(blocks)

    def release(self, holder: Holder) -> datetime:
        """Give back the place that *holder* has; its instant."""
        held = self._holders.pop(holder)
        self.count -= 1
        self._unblock(held.blocks)
        return held.instant

    def avoid(self, instant: datetime) -> None:
        """Keep the gap to an email that leaves at *instant*, on the day before or after this one."""
        self._block(self.grid.near(instant))

    def forget(self, instant: datetime) -> None:
        """No longer avoid *instant*."""
        self._unblock(self.grid.near(instant))

    def fill(self, count: int) -> None:
        """Note *count* emails more of which nobody needs to know the instants."""
        self.count += count
        self._rooms.clear()

    def first_free(self, ranges: Ranges) -> datetime | None:
        """The first slot of *ranges* that nobody holds; None when others would have to make place."""
        number = next(nth_free(ranges, self._blocked_slots(), (0,)), None)
        return None if number is None else self.grid.instant(number)

    def fixed_slot(self, ranges: Ranges, *, soonest: bool) -> datetime | None:
        """
        A slot of *ranges*, which has room, for an email that holds it at once; None if one would make place.

        It is the *soonest* one, or one far from others.
        """
        busy, asking = self._blocked_slots(), self._asking()
        preferred = None
        if not soonest:
            if ranges not in self._stretches:
                self._stretches[ranges] = FreeStretches(ranges)
            preferred = self._stretches[ranges].middle(busy)
        number = spare_slot(
            ranges,
            busy=busy,
            preferred=preferred,
            asked=[kind.ranges for kind in asking],
            is_spare=lambda number: self._is_spare(number, asking),
        )
        return None if number is None else self.grid.instant(number)

    def holders(self) -> list[tuple[Holder, datetime]]:
        """Those that hold a place and their instants, in the order in which they came."""
        return [(holder, held.instant) for holder, held in self._holders.items()]

    def places(self) -> list[Place]:
        """Where emails would leave if every slot were used, in order; those that hold a place included."""
        places, sitting = [], set()
        ahead = range(self.grid.number_from(self.now), self.grid.slots)
        for held in self._holders.values():
            if held.instant <= self.now:
                places.append(Place(held.instant - LATE_BY))
            elif self._is_seated(held) and held.blocks[0] in ahead and held.blocks[0] not in sitting:
                sitting.add(held.blocks[0])
            else:
                places.append(Place(held.instant))
        places.extend(
            Place(self.grid.instant(number), number, number not in sitting)
            for number in ahead
            if number in sitting or number not in self._blocks
        )
        return sorted(places, key=lambda place: place.instant)

    def _is_seated(self, held: _Held) -> bool:
        """Whether *held* is on a slot, or after it by no more than jitter may have put it."""
        if len(held.blocks) != 1:
            return False
        slot = self.grid.instant(held.blocks[0])
        return slot <= held.instant <= slot + self.grid.jitter

    def room(self, ranges: Ranges) -> int:
        """How many more emails may surely ask for a slot in *ranges*; 0 only if there is none at all."""
        room = self._rooms.get(ranges)
        if room is None:
            room = self._rooms[ranges] = self._count_room(ranges)
        return room

    def reserve(self, booking: Booking, ranges: Ranges, *, is_urgent: bool = False) -> None:
        """Ask for a slot in *ranges*, which has room."""
        self._requests.setdefault((ranges, is_urgent), []).append(booking)
        self.count += 1
        # A request takes at most one slot from any window; when that may be the last, count again.
        self._rooms = {asked: room and room - 1 for asked, room in self._rooms.items() if room != 1}

    def assign(self) -> Iterator[tuple[Holder, datetime]]:
        """The instant of everyone who asked, and of holders that shift for them."""
        asking = {
            Kind.of(ranges, is_urgent=is_urgent): bookings
            for (ranges, is_urgent), bookings in self._requests.items()
        }
        for holder, number in self._seats(asking):
            yield holder, self.grid.instant(number)

    def _seats(self, asking: dict[Kind, list[Holder]]) -> Iterator[tuple[Holder, int]]:
        if not asking:
            return iter(())
        if len(asking) == 1:
            ((kind, bookings),) = asking.items()
            blocked = self._blocked_slots()
            if len(bookings) <= free_count(kind.ranges, blocked):
                return zip(bookings, spread(kind, len(bookings), kind.ranges, blocked), strict=True)
        return Seating(asking, self._movable(), self._blocked_slots()).seats(asking)

    def _count_room(self, ranges: Ranges) -> int:
        left = self.grid.slots if self.grid.capacity == UNLIMITED else self.grid.capacity - self.count
        if not ranges or left <= 0:
            return 0
        if all(asked == ranges for asked, _ in self._requests):
            unasked = free_count(ranges, self._blocked_slots()) - sum(map(len, self._requests.values()))
            if unasked > 0:
                return min(unasked, left)
        asking, kind = self._asking(), Kind.of(ranges)
        seating = Seating(asking.keys() | {kind}, self._movable(), self._blocked_slots())
        return min(seating.room(kind, asking), left)

    def _asking(self) -> Counter[Kind]:
        asking: Counter[Kind] = Counter()
        for (asked, _), bookings in self._requests.items():
            asking[Kind.of(asked)] += len(bookings)
        return asking

    def _is_spare(self, number: int, asking: Counter[Kind]) -> bool:
        """Whether all *asking* still get a slot when *number* is taken."""
        if len(asking) <= 1:
            free = (free_count(kind.ranges, self._blocked_slots()) - count for kind, count in asking.items())
            if all(spare > 0 for spare in free):
                return True
        blocked = sorted((*self._blocked_slots(), number))
        return Seating(asking.keys(), self._movable(), blocked).fits(asking)

    def _movable(self) -> list[Seated]:
        """The holders that may shift: each alone on one slot of its own window."""
        return [
            Seated(holder, held.blocks[0], held.ranges)
            for holder, held in self._holders.items()
            if len(held.blocks) == 1
            and self._blocks[held.blocks[0]] == 1
            and is_inside(held.blocks[0], held.ranges)
            and held.blocks[0] not in self._closed()
        ]

    def _blocked_slots(self) -> list[int]:
        if self._blocked is None:
            self._blocked = sorted(self._blocks.keys() | self._closed())
        return self._blocked

    def _block(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            if self._blocked is not None and number not in self._blocks:
                insort(self._blocked, number)
            self._blocks[number] = self._blocks.get(number, 0) + 1
        self._rooms.clear()

    def _unblock(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            self._blocks[number] -= 1
            if not self._blocks[number]:
                del self._blocks[number]
        self._blocked = None
        self._rooms.clear()
        self._stretches.clear()

    def _nearest(self, instant: datetime) -> tuple[int, ...]:
        """The free slot nearest to *instant*, so that emails between slots use up slots as others do."""
        if self._hour_of is not None:
            in_hour = self._nearest_in(instant, self._hour_of(instant))
            if in_hour:
                return in_hour
        return self._nearest_in(instant, None)

    def _nearest_in(self, instant: datetime, hour: datetime | None) -> tuple[int, ...]:
        """As :meth:`_nearest`, in one *hour* if that is given."""
        middle = self.grid.number_from(instant)
        for distance in range(self.grid.slots + 1):
            for number in (middle - distance, middle + distance):
                if 0 <= number < self.grid.slots and number not in self._blocks:
                    if hour is None or self._hour_of is None:
                        return (number,)
                    if self._hour_of(self.grid.instant(number)) == hour:
                        return (number,)
        return ()
