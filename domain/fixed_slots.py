"""Fixed slots: for an email that needs its instant at once, while others of the day are still asking."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heappush

from domain.slot_grid import Ranges, free_count, is_inside, nth_free


class FreeStretches:
    """
    The stretches of free slots in *ranges*, the longest first.

    Emails that get their slots one by one cannot be spread as those that get them together. Each takes the
    middle of the longest free stretch instead, so that n of them are at most 2 / n of the time apart: every
    stretch was halved from one that was no shorter than the longest is now, and its other half is there too.
    """

    def __init__(self, ranges: Ranges) -> None:
        self._openings = frozenset(low for low, _ in ranges)
        self._heap = [(low - high, low, high) for low, high in ranges]
        heapify(self._heap)

    def middle(self, busy: Sequence[int]) -> int | None:
        """The middle of the longest stretch, or its beginning if nothing is before it; *busy* only grows."""
        while self._heap:
            _, low, high = self._heap[0]
            inside = busy[bisect_left(busy, low) : bisect_left(busy, high)]
            if not inside:
                return low if low in self._openings else (low - 1 + high) // 2
            heappop(self._heap)
            for block in (*inside, high):
                if low < block:
                    heappush(self._heap, (low - block, low, block))
                low = block + 1
        return None


def spare_slot(
    ranges: Ranges,
    *,
    busy: Sequence[int],
    preferred: int | None,
    asked: Sequence[Ranges],
    is_spare: Callable[[int], bool],
) -> int | None:
    """
    The *preferred* slot, else the first free one of *ranges*, that everybody who *asked* can spare.

    Slots that the same of them want are alike, so that *is_spare* is asked once for each kind of slot.
    """
    known: dict[tuple[bool, ...], bool] = {}
    for number in _candidates(ranges, busy, preferred):
        wanted_by = tuple(is_inside(number, wanted) for wanted in asked)
        if wanted_by not in known:
            known[wanted_by] = is_spare(number)
        if known[wanted_by]:
            return number
    return None


def _candidates(ranges: Ranges, busy: Sequence[int], preferred: int | None) -> Iterator[int]:
    if preferred is not None:
        yield preferred
    yield from nth_free(ranges, busy, range(free_count(ranges, busy)))
