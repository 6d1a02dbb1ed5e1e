"""Slots that are given one by one: far apart, and never one that somebody else was promised."""

from bisect import insort
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.fixed_slots import FreeStretches, spare_slot
from tests.domain.test_mailbox_day import NINE, booking, day_of


@given(slots=st.integers(1, 200), wanted=st.integers(1, 200))
def test_the_largest_gap_is_at_most_twice_the_mean(slots: int, wanted: int) -> None:
    """However many take the middle of the longest stretch, the gap to the day's end included."""
    stretches = FreeStretches(((0, slots),))
    busy: list[int] = []
    for _ in range(min(wanted, slots)):
        number = stretches.middle(busy)
        assert number is not None
        insort(busy, number)

    assert len(set(busy)) == len(busy)
    assert busy[0] == 0
    assert max(later - earlier for earlier, later in pairwise([*busy, slots])) * len(busy) <= 2 * slots


def test_no_middle_is_left_when_all_slots_are_taken() -> None:
    """Two stretches of a slot each."""
    stretches = FreeStretches(((2, 3), (7, 8)))

    assert [stretches.middle(busy) for busy in ([], [2], [2, 7])] == [2, 7, None]


def test_the_preferred_slot_is_given_up_for_one_that_can_be_spared() -> None:
    """Slots alike are asked for once: 10 and 11 are wanted, 12 is not."""
    asked: list[int] = []

    def is_spare(number: int) -> bool:
        asked.append(number)
        return number >= 12

    found = spare_slot(((10, 14),), busy=[], preferred=11, asked=[((9, 12),)], is_spare=is_spare)

    assert (found, asked) == (12, [11, 12])
    assert spare_slot(((10, 12),), busy=[], preferred=None, asked=[((9, 12),)], is_spare=is_spare) is None


def test_a_day_keeps_its_promises() -> None:
    """Two have asked for the first two slots: a third that is fixed at once gets the next one."""
    day = day_of(4)
    for number in (1, 2):
        day.reserve(booking(number), ((0, 2),))

    found = day.fixed_slot(((0, 4),), soonest=True)

    assert found == NINE + timedelta(hours=4)
    assert len(list(day.assign())) == 2
