"""Anchored slots: where a day's even slots would leave a narrow window without any, one is moved into it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TypeAlias

# Seconds of open time since the day opened: half-open stretches of them, ascending and apart.
Stretches: TypeAlias = Sequence[tuple[int, int]]


def anchored(offsets: Sequence[int], windows: Sequence[Stretches], *, gap_s: int, open_s: int) -> list[int]:
    """
    *offsets*, ascending and at least *gap_s* apart, so that as many of *windows* as possible have one.

    The narrowest window goes first, and takes a slot from nobody who has no other. Where the gap leaves no
    place between two slots, they become one. What the day is open ends at *open_s*, to which all keep the
    gap: the next day may open there.
    """
    found = list(offsets)
    for window in sorted(windows, key=_length):
        if not _serves(found, window):
            others = [other for other in windows if _serves(found, other)]
            candidates = _moved_into(found, window, gap_s, open_s)
            found = next(
                (each for each in candidates if all(_serves(each, other) for other in others)), found
            )
    return found


def _moved_into(offsets: list[int], window: Stretches, gap_s: int, open_s: int) -> Iterator[list[int]]:
    """*offsets* with one inside *window*, the best first: that before it, that behind it, both made one."""
    for low, high in sorted(window, key=lambda stretch: stretch[0] - stretch[1]):
        # The day's first slot is at its beginning, and not in here: one is before this stretch.
        at = bisect_left(offsets, low)
        before, behind = offsets[:at], offsets[at:]
        if not before:
            continue
        following = [*behind, open_s]
        # Later rather than earlier: in the stretch of time that ends at it, it counts once, as before.
        if following[0] - low >= gap_s:
            yield [*before[:-1], low, *behind]
        if behind and high - 1 - before[-1] >= gap_s:
            yield [*before, high - 1, *behind[1:]]
        if behind and following[1] - low >= gap_s:
            yield [*before[:-1], low, *behind[1:]]


def _serves(offsets: Sequence[int], window: Stretches) -> bool:
    return any(bisect_left(offsets, low) < bisect_left(offsets, high) for low, high in window)


def _length(window: Stretches) -> int:
    return sum(high - low for low, high in window)
