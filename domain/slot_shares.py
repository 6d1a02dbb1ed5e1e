"""How windows that overlap share one day's slots, so that a wide one never starves a narrow one."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Generic, TypeVar

from domain.slot_grid import Ranges, evenly, is_inside

# Whatever has the same slots to choose from.
Kind = TypeVar("Kind", bound=Hashable)


def stretches(windows: Collection[Ranges], *, unbroken: bool = False) -> list[Ranges]:
    """
    Cut *windows* into the largest sets of slots in which every slot lies in the same windows.

    Those that are to be *unbroken* have no slots of others between their own, the earliest first.
    """
    cuts = sorted({edge for ranges in windows for piece in ranges for edge in piece})
    pieces: dict[tuple[bool, ...], list[tuple[int, int]]] = {}
    for low, high in pairwise(cuts):
        within = tuple(is_inside(low, ranges) for ranges in windows)
        if any(within):
            pieces.setdefault(within, []).append((low, high))
    if unbroken:
        return [(piece,) for piece in sorted(chain.from_iterable(pieces.values()))]
    return [tuple(found) for found in pieces.values()]


class SlotShares(Generic[Kind]):
    """
    How many emails of each kind have a slot in each stretch of a day.

    A flow (Ford and Fulkerson): when the stretches that a kind may use are full, emails of other kinds
    make place by going elsewhere, so that :meth:`add` fails only if no arrangement at all has room.
    """

    def __init__(self, spare: Sequence[int], reach: Mapping[Kind, Sequence[int]]) -> None:
        """*spare* are the free slots of each stretch, *reach* the stretches that each kind may use."""
        self._spare = list(spare)
        self._reach = reach
        self.used = {kind: [0] * len(spare) for kind in reach}

    def seat(self, kind: Kind, stretch: int, count: int = 1) -> None:
        """Note *count* emails in *stretch* whose slots were never counted as spare."""
        self.used[kind][stretch] += count

    def spread(self, kind: Kind, wanted: int) -> int:
        """Seat as many of *wanted* as there is spare room for, evenly; how many were seated."""
        spare = [self._spare[stretch] for stretch in self._reach[kind]]
        seated = min(wanted, sum(spare))
        ranks = list(evenly(seated, sum(spare)))
        passed = 0
        for stretch, room in zip(self._reach[kind], spare, strict=True):
            here = sum(passed <= rank < passed + room for rank in ranks)
            self.used[kind][stretch] += here
            self._spare[stretch] -= here
            passed += room
        return seated

    def add(self, kind: Kind, wanted: int, *, fixed: Iterable[Kind] = ()) -> int:
        """Seat up to *wanted* emails, others than *fixed* making place for them; how many were seated."""
        stays = frozenset(fixed)
        seated = 0
        while seated < wanted:
            path = self._path(kind, stays)
            if not path:
                break
            leaving = [self.used[other][path[at][1]] for at, (other, _) in enumerate(path[1:])]
            count = min(wanted - seated, self._spare[path[-1][1]], *leaving)
            for at, (mover, stretch) in enumerate(path):
                self.used[mover][stretch] += count
                if at:
                    self.used[mover][path[at - 1][1]] -= count
            self._spare[path[-1][1]] -= count
            seated += count
        return seated

    def _path(self, kind: Kind, stays: Collection[Kind]) -> list[tuple[Kind, int]]:
        """Who moves where so that *kind* has one slot more, the last to a spare one; empty if none can."""
        came: dict[int, tuple[Kind, int | None]] = dict.fromkeys(self._reach[kind], (kind, None))
        queue = list(came)
        for stretch in queue:
            if self._spare[stretch]:
                return _trace(came, stretch)
            for other, used in self.used.items():
                if used[stretch] and other not in stays:
                    for onward in self._reach[other]:
                        if onward not in came:
                            came[onward] = (other, stretch)
                            queue.append(onward)
        return []


def _trace(came: Mapping[int, tuple[Kind, int | None]], last: int) -> list[tuple[Kind, int]]:
    path: list[tuple[Kind, int]] = []
    at: int | None = last
    while at is not None:
        mover, before = came[at]
        path.append((mover, at))
        at = before
    return path[::-1]
