"""One mailbox's local day: who holds a place in it, who asked for one, and how much room is left."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.journeys import Booking
from domain.mailboxes import UNLIMITED
from domain.seating import Holder, Kind, Seated, Seating, spread
from domain.send_window import Span
from domain.slot_grid import Ranges, SlotGrid, free_count, is_inside, nth_free


@dataclass(slots=True)
class _Held:
    instant: datetime
    blocks: tuple[int, ...]
    # Where it may shift to; empty when it must stay.
    ranges: Ranges


class MailboxDay:
    """
    The slots of one mailbox on one of its local days; those before *now* are gone.

    Emails ask for a slot with :meth:`reserve`; which slot each gets is decided for all at once by
    :meth:`assign`, so that any number of emails is spread evenly.
    """

    def __init__(self, grid: SlotGrid, *, now: datetime) -> None:
        self.grid = grid
        self.now = now
        # Emails on this day: those that hold a place and those that asked for one.
        self.count = 0
        self._holders: dict[Holder, _Held] = {}
        # By where they may go, and whether they are urgent.
        self._requests: dict[tuple[Ranges, bool], list[Holder]] = {}
        self._blocks: Counter[int] = Counter()
        self._blocked: list[int] | None = []
        self._rooms: dict[Ranges, int] = {}

    @property
    def is_over(self) -> bool:
        return self.grid.capacity != UNLIMITED and self.count > self.grid.capacity

    @property
    def left(self) -> int:
        """How many more emails its capacity allows; where that is unlimited, its slots."""
        return (self.grid.capacity or self.grid.slots) - self.count

    @property
    def has_capacity(self) -> bool:
        return self.grid.capacity == UNLIMITED or self.left > 0

    def ranges_in(self, spans: Sequence[Span], not_before: datetime | None = None) -> Ranges:
        """The slots inside *spans* that are still ahead."""
        return self.grid.ranges(spans, since=self.now if not_before is None else max(self.now, not_before))

    def hold(self, holder: Holder, instant: datetime, ranges: Ranges = ()) -> None:
        """Note that *holder* already has its place at *instant*; with *ranges* it may shift inside them."""
        blocks = tuple(self.grid.near(instant)) or self._nearest(instant)
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
        self._block(tuple(self.grid.near(instant)))

    def forget(self, instant: datetime) -> None:
        """No longer avoid *instant*."""
        self._unblock(tuple(self.grid.near(instant)))

    def fill(self, count: int) -> None:
        """Note *count* emails more of which nobody needs to know the instants."""
        self.count += count
        self._rooms.clear()

    def first_free(self, ranges: Ranges) -> datetime | None:
        """The first slot of *ranges* that nobody holds; None when others would have to make place."""
        number = next(nth_free(ranges, self._blocked_slots(), (0,)), None)
        return None if number is None else self.grid.instant(number)

    def holders(self) -> list[tuple[Holder, datetime]]:
        """Those that hold a place and their instants, in the order in which they came."""
        return [(holder, held.instant) for holder, held in self._holders.items()]

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
        for asked, room in list(self._rooms.items()):
            # A request takes at most one slot from any window; when that may be the last, count again.
            if room > 1:
                self._rooms[asked] = room - 1
            elif room == 1:
                del self._rooms[asked]

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
        asking: Counter[Kind] = Counter()
        for (asked, _), bookings in self._requests.items():
            asking[Kind.of(asked)] += len(bookings)
        kind = Kind.of(ranges)
        if asking.keys() <= {kind}:
            unasked = free_count(ranges, self._blocked_slots()) - asking[kind]
            if unasked > 0:
                return min(unasked, left)
        seating = Seating(asking.keys() | {kind}, self._movable(), self._blocked_slots())
        return min(seating.room(kind, asking), left)

    def _movable(self) -> list[Seated]:
        """The holders that may shift: each alone on one slot of its own window."""
        return [
            Seated(holder, held.blocks[0], held.ranges)
            for holder, held in self._holders.items()
            if len(held.blocks) == 1
            and self._blocks[held.blocks[0]] == 1
            and is_inside(held.blocks[0], held.ranges)
        ]

    def _blocked_slots(self) -> list[int]:
        if self._blocked is None:
            self._blocked = sorted(self._blocks)
        return self._blocked

    def _block(self, numbers: tuple[int, ...]) -> None:
        self._blocks.update(numbers)
        self._blocked = None
        self._rooms.clear()

    def _unblock(self, numbers: tuple[int, ...]) -> None:
        self._blocks.subtract(numbers)
        for number in numbers:
            if not self._blocks[number]:
                del self._blocks[number]
        self._blocked = None
        self._rooms.clear()

    def _nearest(self, instant: datetime) -> tuple[int, ...]:
        """The free slot nearest to *instant*, so that emails between slots use up slots as others do."""
        middle = self.grid.number_from(instant)
        for distance in range(self.grid.slots + 1):
            for number in (middle - distance, middle + distance):
                if 0 <= number < self.grid.slots and number not in self._blocks:
                    return (number,)
        return ()
