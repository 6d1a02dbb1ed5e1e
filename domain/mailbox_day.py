"""One mailbox's local day: who holds a place in it, who asked for one, and how much room is left."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime

from domain.fixed_slots import FreeStretches, spare_slot
from domain.holders import Arrival, Holders, Place
from domain.journeys import Booking
from domain.mailboxes import UNLIMITED
from domain.seating import Holder, Kind, Seating, spread
from domain.send_window import Span
from domain.slot_grid import Ranges, SlotGrid, free_count, nth_free


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
        # Emails on this day: those that hold a place and those that asked for one.
        self.count = 0
        self._holders = Holders(grid, closed=closed, hour_of=hour_of)
        # By where they may go, and whether they are urgent.
        self._requests: dict[tuple[Ranges, bool], list[Holder]] = {}
        self._rooms: dict[Ranges, int] = {}
        self._stretches: dict[Ranges, FreeStretches] = {}

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

    def expect(self, count: int, arrivals: Callable[[], Iterable[Arrival]]) -> None:
        """Note *count* emails as by :meth:`hold`: who they are is asked only when it matters."""
        self._holders.expect(arrivals)
        self.count += count
        self._rooms.clear()

    def hold(self, holder: Holder, instant: datetime, ranges: Ranges = ()) -> None:
        """Note that *holder* already has its place at *instant*; with *ranges* it may shift inside them."""
        self._holders.hold(holder, instant, ranges)
        self.count += 1
        self._rooms.clear()

    def release(self, holder: Holder) -> datetime:
        """Give back the place that *holder* has; its instant."""
        self.count -= 1
        self._there_is_more_room()
        return self._holders.release(holder)

    def avoid(self, instant: datetime) -> None:
        """Keep the gap to an email that leaves at *instant*, on the day before or after this one."""
        self._holders.avoid(instant)
        self._rooms.clear()

    def forget(self, instant: datetime) -> None:
        """No longer avoid *instant*."""
        self._holders.forget(instant)
        self._there_is_more_room()

    def _there_is_more_room(self) -> None:
        self._rooms.clear()
        self._stretches.clear()

    def fill(self, count: int) -> None:
        """Note *count* emails more of which nobody needs to know the instants."""
        self.count += count
        self._rooms.clear()

    def first_free(self, ranges: Ranges) -> datetime | None:
        """The first slot of *ranges* that nobody holds; None when others would have to make place."""
        number = next(nth_free(ranges, self._holders.blocked(), (0,)), None)
        return None if number is None else self.grid.instant(number)

    def fixed_slot(self, ranges: Ranges, *, soonest: bool) -> datetime | None:
        """
        A slot of *ranges*, which has room, for an email that holds it at once; None if one would make place.

        It is the *soonest* one, or one far from others.
        """
        busy, asking = self._holders.blocked(), self._asking()
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
        return self._holders.instants()

    def places(self) -> list[Place]:
        """Where emails would leave if every slot were used, in order; those that hold a place included."""
        return self._holders.places(now=self.now)

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
        rooms = self._rooms
        if len(rooms) == 1 and (room := rooms.get(ranges, 1)) > 1:
            rooms[ranges] = room - 1
        else:
            self._rooms = {asked: room and room - 1 for asked, room in rooms.items() if room != 1}

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
            blocked = self._holders.blocked()
            if len(bookings) <= free_count(kind.ranges, blocked):
                return zip(bookings, spread(kind, len(bookings), kind.ranges, blocked), strict=True)
        return Seating(asking, self._holders.movable(), self._holders.blocked()).seats(asking)

    def _count_room(self, ranges: Ranges) -> int:
        left = self.grid.slots if self.grid.capacity == UNLIMITED else self.grid.capacity - self.count
        if not ranges or left <= 0:
            return 0
        if not self._requests or all(asked == ranges for asked, _ in self._requests):
            unasked = free_count(ranges, self._holders.blocked()) - sum(map(len, self._requests.values()))
            if unasked > 0:
                return min(unasked, left)
        asking, kind = self._asking(), Kind.of(ranges)
        seating = Seating(asking.keys() | {kind}, self._holders.movable(), self._holders.blocked())
        return min(seating.room(kind, asking), left)

    def _asking(self) -> Counter[Kind]:
        asking: Counter[Kind] = Counter()
        for (asked, _), bookings in self._requests.items():
            asking[Kind.of(asked)] += len(bookings)
        return asking

    def _is_spare(self, number: int, asking: Counter[Kind]) -> bool:
        """Whether all *asking* still get a slot when *number* is taken."""
        if len(asking) <= 1:
            free = (
                free_count(kind.ranges, self._holders.blocked()) - count for kind, count in asking.items()
            )
            if all(spare > 0 for spare in free):
                return True
        blocked = sorted((*self._holders.blocked(), number))
        return Seating(asking.keys(), self._holders.movable(), blocked).fits(asking)
