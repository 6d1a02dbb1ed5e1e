"""How rates are counted, and how many slots of a day keep them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.enrollments import Enrollment
from domain.ids import EnrollmentId
from domain.mailboxes import Mailbox, Ramp
from domain.rates import A_DAY, Rate, RateKind, clock_hour
from domain.sequences import Sequence
from tests.domain.planning_examples import NOW, OFFICE, causes, every, held_world
from tests.domain.planning_world import BERLIN, World, enrolled, mailbox, sequence, slots_of

HALF_AN_HOUR = timedelta(minutes=30)
MONDAY = date(2026, 11, 23)


# Any: whatever limits a test is about.
def limited(*rates: Rate, capacity: int = 0, **limits: Any) -> Mailbox:
    return replace(mailbox(1, capacity=capacity), rates=rates, **limits)


@pytest.mark.parametrize(
    ("rate", "open_hours", "slots"),
    [
        (Rate(RateKind.HOURLY, 1000), 12, 12_000),
        (Rate(RateKind.SLIDING, 2, HALF_AN_HOUR), 24, 96),
        (Rate(RateKind.ROLLING_24H, 50, A_DAY), 8, 50),
        (Rate(RateKind.ROLLING_24H, 50, A_DAY), 24, 50),
    ],
)
def test_a_day_has_as_many_slots_as_its_rate_allows(rate: Rate, open_hours: int, slots: int) -> None:
    """Two in half an hour are 96 a day; what 24 hours allow fits into eight of them."""
    assert rate.slots_in(timedelta(hours=open_hours), jitter_percent=0) == slots


@pytest.mark.parametrize(
    ("zone", "moment", "begins"),
    [
        ("Asia/Kolkata", datetime(2026, 11, 23, 5, 45, tzinfo=UTC), (5, 30)),
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 45, tzinfo=UTC), (0, 0)),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 45, tzinfo=UTC), (1, 0)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, 15, tzinfo=UTC), (14, 0)),
    ],
)
def test_hours_are_those_of_the_clock(zone: str, moment: datetime, begins: tuple[int, int]) -> None:
    """Also where zones are half an hour apart; an hour that comes twice is two."""
    found = clock_hour(moment, ZoneInfo(zone))

    assert (found.hour, found.minute) == begins


def test_a_lower_hourly_limit_moves_the_last_of_each_hour() -> None:
    """Sixteen in eight hours, two an hour: of each hour, one stays."""
    world = held_world(16, boxes=(mailbox(1, capacity=16),))
    slower = World(NOW, (limited(Rate(RateKind.HOURLY, 1), capacity=16),), world.enrollments)

    made = slower.plan()

    assert causes(made) == ["CAPACITY_LOWERED"] * 8
    assert {slot.send_at.astimezone(BERLIN).hour for slot in slots_of(made)} == set(range(9, 17))


def _to(each: Enrollment, *, unless: EnrollmentId) -> Enrollment:
    return replace(each, recipient_domain="example.org" if each.id == unless else "example.com")


def test_a_domain_that_is_full_leaves_the_day_to_others() -> None:
    """Two a day to one domain: the third waits for tomorrow, whoever comes after it does not."""
    box = limited(recipient_domain_daily_cap=2, capacity=30)
    world = World(NOW, (box,), tuple(enrolled(4, sequence(1, OFFICE, [box]), at=NOW)))
    last = world.enrollments[-1].id
    mixed = every(world, lambda each: _to(each, unless=last))

    days = [slot.send_day.day for slot in slots_of(mixed.plan())]

    assert days == [23, 23, 24, 23]


def test_so_many_contacts_start_on_a_day_as_the_sequence_allows() -> None:
    """Three a day over both mailboxes, one of today's being outside of the plan."""
    boxes = (mailbox(1), mailbox(2))
    shared = sequence(1, OFFICE, boxes)
    slow = Sequence(shared.id, OFFICE, shared.mailbox_ids, max_new_contacts_per_day=3)
    world = World(NOW, boxes, tuple(enrolled(7, slow, at=NOW)), starts={(slow.id, MONDAY): 1})

    days = [slot.window_day.day for slot in slots_of(world.plan())]

    assert days == [23, 23, 24, 24, 24, 25, 25]


def test_jitter_leaves_later_than_the_slot_and_the_same_each_time() -> None:
    """Half of the sixteen minutes between slots, less the gap, is the most."""
    box = limited(capacity=30, jitter_percent=50, seed=7)
    world = World(NOW, (box,), tuple(enrolled(30, sequence(1, OFFICE, [box]), at=NOW)))

    offsets = [
        (slot.send_at - NOW - timedelta(hours=2)) % timedelta(minutes=16) for slot in slots_of(world.plan())
    ]

    assert len(set(offsets)) > 10
    assert all(timedelta() <= offset < timedelta(minutes=8) for offset in offsets)
    assert slots_of(world.plan()) == slots_of(world.plan())


def test_a_day_varies_between_its_least_and_all_of_its_capacity() -> None:
    """By twenty percent of 50, never the same every day, and by another seed otherwise."""
    days = [MONDAY + timedelta(days=ahead) for ahead in range(200)]
    varied = [limited(capacity=50, day_variation_percent=20, seed=1).capacity_on(day) for day in days]
    other = [limited(capacity=50, day_variation_percent=20, seed=2).capacity_on(day) for day in days]

    assert set(varied) == set(range(40, 51))
    assert varied != other


def test_a_ramp_that_begins_in_the_future_holds_its_first_level_until_then() -> None:
    """And grows no farther than the daily capacity."""
    box = mailbox(1, capacity=20)
    ramp = Ramp(5, 5, MONDAY + timedelta(days=7))
    growing = replace(box, ramp=ramp)

    assert [growing.capacity_on(MONDAY + timedelta(days=ahead)) for ahead in (0, 7, 8, 10, 30)] == [
        5, 5, 10, 20, 20,
    ]  # fmt: skip
