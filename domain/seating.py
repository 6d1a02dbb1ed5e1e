"""Seating: which slot of a mailbox's day everyone gets, and who makes place when windows overlap."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.ids import EmailId
from domain.journeys import Booking
from domain.slot_grid import Ranges, evenly, free_count, is_inside, nth_free
from domain.slot_shares import SlotShares, stretches

# Who has a place or asks for one: a leg that is being planned, or an email outside of the plan.
Holder = Booking | EmailId


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """Emails that have the same slots to choose from; in order, the window that closes first goes first."""

    closes: int
    opens_back: int
    is_holding: bool
    is_relaxed: bool
    ranges: Ranges

    @classmethod
    def of(cls, ranges: Ranges, *, is_urgent: bool = False, is_holding: bool = False) -> "Kind":
        return cls(ranges[-1][1], -ranges[0][0], is_holding, not is_urgent, ranges)


@dataclass(frozen=True, slots=True)
class Seated:
    """A holder that may leave its slot *number* for another one in *ranges*."""

    holder: Holder
    number: int
    ranges: Ranges

    @property
    def kind(self) -> Kind:
        return Kind.of(self.ranges, is_holding=True)


class Seating:
    """
    One arrangement of the emails of a day.

    *kinds* are those that ask, *seated* the holders that may shift; *blocked* are the slots, ascending, that
    are not free, those of *seated* among them.
    """

    def __init__(self, kinds: Collection[Kind], seated: Sequence[Seated], blocked: Sequence[int]) -> None:
        self._blocked = blocked
        self._holding = sorted({each.kind for each in seated})
        everyone = [*kinds, *self._holding]
        # Who is urgent takes the first stretch with a free slot, so none may go on behind another one.
        is_urgent = any(not kind.is_relaxed for kind in kinds)
        self._cut = stretches(sorted({kind.ranges for kind in everyone}), unbroken=is_urgent)
        spare = [free_count(pieces, blocked) for pieces in self._cut]
        reach = {kind: self._within(kind.ranges) for kind in everyone}
        self._shares = SlotShares(spare, reach)
        self._seated: dict[tuple[Kind, int], list[Seated]] = {}
        for each in seated:
            here = next(at for at in reach[each.kind] if is_inside(each.number, self._cut[at]))
            self._shares.seat(each.kind, here)
            self._seated.setdefault((each.kind, here), []).append(each)
        self._before = {kind: tuple(self._shares.used[kind]) for kind in self._holding}

    def room(self, kind: Kind, asking: Mapping[Kind, int]) -> int:
        """How many more of *kind* fit beside those *asking*, everyone making place as far as possible."""
        for other, count in asking.items():
            self._shares.add(other, count)
        return self._shares.add(kind, free_count(kind.ranges, ()))

    def fits(self, asking: Mapping[Kind, int]) -> bool:
        """Whether all of *asking* get a slot, everyone making place as far as possible."""
        return all(self._shares.add(kind, count) == count for kind, count in asking.items())

    def seats(self, asking: Mapping[Kind, Sequence[Holder]]) -> Iterator[tuple[Holder, int]]:
        """The slot of everyone *asking*, and the new ones of holders that make place for them."""
        for kind in sorted(asking):
            left = len(asking[kind])
            if kind.is_relaxed:
                left -= self._shares.spread(kind, left)
            left -= self._shares.add(kind, left, fixed=self._holding)
            if self._shares.add(kind, left) < left:
                raise RuntimeError("A slot was granted that does not exist.")
        sitting_down = {**asking, **self._leaving()}
        for kind, numbers in self._numbers(sorted(sitting_down)).items():
            # Emails of one kind sit in the order in which they asked.
            yield from zip(sitting_down[kind], sorted(numbers), strict=True)

    def _leaving(self) -> dict[Kind, list[Holder]]:
        """The holders that make place."""
        leaving: dict[Kind, list[Seated]] = {kind: [] for kind in self._holding}
        for (kind, stretch), seated in self._seated.items():
            leaving[kind] += seated[: max(0, len(seated) - self._shares.used[kind][stretch])]
        gone = {each.number for seated in leaving.values() for each in seated}
        self._blocked = [number for number in self._blocked if number not in gone]
        return {kind: [each.holder for each in seated] for kind, seated in leaving.items()}

    def _numbers(self, kinds: Iterable[Kind]) -> dict[Kind, list[int]]:
        """The slots that those who sit down get, by their shares of the stretches."""
        numbers: dict[Kind, list[int]] = {}
        blocked = set(self._blocked)
        for kind in kinds:
            numbers[kind] = []
            for at, pieces in enumerate(self._cut):
                before = self._before[kind][at] if kind.is_holding else 0
                wanted = max(0, self._shares.used[kind][at] - before)
                found = spread(kind, wanted, pieces, sorted(blocked)) if wanted else []
                numbers[kind] += found
                blocked.update(found)
        return numbers

    def _within(self, ranges: Ranges) -> list[int]:
        return [at for at, pieces in enumerate(self._cut) if is_inside(pieces[0][0], ranges)]


def spread(kind: Kind, wanted: int, ranges: Ranges, blocked: Sequence[int]) -> list[int]:
    """*wanted* free slots of *ranges*: as far apart as they go, the earliest ones for an urgent *kind*."""
    ranks = evenly(wanted, free_count(ranges, blocked)) if kind.is_relaxed else range(wanted)
    return list(nth_free(ranges, blocked, ranks))
