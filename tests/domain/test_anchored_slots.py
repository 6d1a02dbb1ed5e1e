"""Anchored slots: no window that a mailbox serves is left without a slot by those that are wider."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.anchored_slots import anchored
from domain.mailboxes import Mailbox
from domain.rates import A_DAY, AN_HOUR, Rate, RateKind
from domain.send_window import Calendar
from tests.domain.examples import examples
from tests.domain.planning_examples import NOW, OFFICE, berlin
from tests.domain.planning_limits import all_breaches
from tests.domain.planning_world import BERLIN, World, enrolled, hours, mailbox, sequence

LUNCH = Calendar(BERLIN, hours((13, 10, 13, 30)))


@pytest.mark.parametrize(
    "box",
    [
        mailbox(1, capacity=3, gap_s=5400),
        mailbox(1, capacity=0, gap_s=5400),
        replace(mailbox(1, capacity=0), rates=(Rate(RateKind.ROLLING_24H, 4, A_DAY),)),
        replace(mailbox(1, capacity=0), rates=(Rate(RateKind.HOURLY, 1, AN_HOUR),)),
        replace(mailbox(1, capacity=0), rates=(Rate(RateKind.SLIDING, 2, timedelta(hours=3)),)),
    ],
)
def test_a_narrow_window_beside_a_wide_one_is_served_every_day(box: Mailbox) -> None:
    """The few slots of an office day would miss twenty minutes at lunch: one of them is moved there."""
    narrow, wide = sequence(1, LUNCH, [box]), sequence(2, OFFICE, [box])
    world = World(NOW, (box,), (*enrolled(3, narrow, at=NOW), *enrolled(20, wide, at=NOW)))

    made = world.plan()

    assert all_breaches(world, made) == []
    assert [berlin(each)[0][:6] for each in made.itineraries[:3]] == ["Mon 13", "Tue 13", "Wed 13"]


def test_a_slot_that_nobody_else_needs_is_moved() -> None:
    """The one before the window comes later, as long as it keeps the gap to the next."""
    assert anchored([0, 100, 200], [[(150, 160)]], gap_s=50, open_s=300) == [0, 150, 200]


def test_the_next_slot_comes_earlier_where_the_one_before_it_cannot_come_later() -> None:
    """From 170 it is only 30 to the next one."""
    assert anchored([0, 100, 200], [[(170, 190)]], gap_s=80, open_s=300) == [0, 100, 189]


def test_two_slots_become_one_where_the_gap_leaves_no_place_between_them() -> None:
    """At 140 one is too close to either."""
    assert anchored([0, 100, 200], [[(140, 150)]], gap_s=90, open_s=300) == [0, 140]


def test_a_window_keeps_its_only_slot() -> None:
    """The slot at 100 is that of another narrow window, so the next one moves."""
    assert anchored([0, 100, 200], [[(90, 110)], [(150, 160)]], gap_s=10, open_s=300) == [0, 100, 159]


def test_the_gap_to_the_next_day_is_kept() -> None:
    """At the end of the day there is no place."""
    assert anchored([0], [[(280, 300)]], gap_s=50, open_s=300) == [0]


@examples(500)
@given(
    count=st.integers(1, 12),
    open_s=st.integers(100, 1000),
    gap_s=st.integers(1, 80),
    windows=st.lists(st.tuples(st.integers(0, 990), st.integers(1, 100)), max_size=4),
)
def test_no_window_loses_and_every_gap_is_kept(
    count: int, open_s: int, gap_s: int, windows: list[tuple[int, int]]
) -> None:
    """Whatever is moved: slots stay in order and apart, and who was served still is."""
    slots = max(1, min(count, open_s // gap_s))
    offsets = [open_s * number // slots for number in range(slots)]
    stretches = [[(low % open_s, min(low % open_s + length, open_s))] for low, length in windows]

    found = anchored(offsets, stretches, gap_s=gap_s, open_s=open_s)

    assert all(later - earlier >= gap_s for earlier, later in pairwise(found))
    assert found[-1] == offsets[-1] or open_s - found[-1] >= gap_s
    for [(low, high)] in stretches:
        was_served, is_served = (any(low <= each < high for each in some) for some in (offsets, found))
        assert is_served or not was_served
