"""Batches with a pace: each email at the first instant that the pace and a mailbox allow, in order."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.batches import Departures, pace_of
from domain.ids import EmailId
from domain.itineraries import MoveCause
from domain.mailboxes import Mailbox
from domain.plan import Plan, Taken
from domain.rates import Rate, RateKind
from domain.send_window import Calendar
from tests.domain.planning_examples import NOW, OFFICE, berlin, causes, every
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import BERLIN, World, email_of, enrolled, mailbox, sequence

NINE = datetime(2026, 11, 23, 8, tzinfo=UTC)  # 09:00 in Berlin
ALWAYS = Calendar(BERLIN)
AN_HOUR = timedelta(hours=1)


def batch(
    count: int, boxes: Iterable[Mailbox], calendar: Calendar = ALWAYS, *, hourly_limit: int = 200
) -> World:
    """*count* contacts of a batch that starts at nine."""
    pace = pace_of(delay_s=None, hourly_limit=hourly_limit)
    departures = Departures(NINE, pace)
    linked = tuple(boxes)
    contacts = enrolled(count, replace(sequence(1, calendar, linked), pace=pace), at=NOW)
    waiting = [replace(one, not_before=departures.earliest(at)) for at, one in enumerate(contacts)]
    return World(NOW, linked, tuple(waiting))


def seconds(made: Plan) -> list[float]:
    """How long after nine each contact is written to, in the order of the batch."""
    slots = [itinerary.emails[0].slot for itinerary in made.itineraries]
    return [(slot.send_at - NINE).total_seconds() for slot in slots if slot is not None]


@pytest.mark.parametrize("boxes", [1, 2, 7])
def test_250_recipients_at_200_an_hour_go_200_in_the_first_hour_and_50_in_the_next(boxes: int) -> None:
    """In order, one every 18 seconds, and every mailbox gets its share."""
    world = batch(250, [mailbox(number, capacity=500) for number in range(1, 1 + boxes)])

    made = world.plan()

    assert seconds(made) == [18 * number for number in range(250)]
    assert Counter(second // 3600 for second in seconds(made)) == {0: 200, 1: 50}
    assert breaches(world, made) == []
    shares = Counter(itinerary.mailbox_id for itinerary in made.itineraries)
    assert max(shares.values()) - min(shares.values()) <= 1


def test_mailboxes_with_a_minimum_gap_take_what_they_can_in_order() -> None:
    """Two of one email a minute do 120 an hour instead of 200."""
    world = batch(6, [mailbox(1, gap_s=60), mailbox(2, gap_s=60)])

    made = world.plan()

    assert seconds(made) == [0, 18, 60, 78, 120, 138]
    assert breaches(world, made) == []


def test_what_exceeds_the_capacity_leaves_on_the_next_day_at_the_same_pace() -> None:
    """Two mailboxes of 30 a day: 60 on Monday, and the 61st opens Tuesday's window."""
    world = batch(100, [mailbox(1), mailbox(2)], OFFICE)

    made = world.plan()

    a_day = 24 * 3600
    assert seconds(made) == [*(18 * n for n in range(60)), *(a_day + 18 * n for n in range(40))]
    assert breaches(world, made) == []


def test_the_limit_holds_on_the_morning_after_a_closed_window() -> None:
    """300 at 30 an hour: 240 until 17:00, and no crowd of those whose turn was at night."""
    world = batch(300, [mailbox(1, capacity=0)], OFFICE, hourly_limit=30)

    made = world.plan()

    assert Counter(second // 3600 for second in seconds(made)) == {
        **dict.fromkeys(range(8), 30),
        24: 30,
        25: 30,
    }


def test_emails_of_other_sequences_keep_their_slots_and_their_gap() -> None:
    """One leaves at 09:00:30: with a gap of 20 seconds the second of the batch waits until 09:00:50."""
    box = mailbox(1, gap_s=20)
    other = Taken(EmailId(UUID(int=7000)), box.id, NINE + timedelta(seconds=30))
    world = replace(batch(3, [box]), taken=(other,))

    made = world.plan()

    assert seconds(made) == [0, 50, 70]


def test_contacts_enrolled_in_the_same_plan_go_around_the_batch() -> None:
    """They may take any slot of their day, so they leave it its instants, whoever came first."""
    box = mailbox(1, capacity=30)
    paced = batch(10, [box], OFFICE)
    others = enrolled(20, sequence(2, OFFICE, [box]), at=NOW - AN_HOUR)
    world = replace(paced, enrollments=(*others, *paced.enrollments))

    made = world.plan()

    assert seconds(made)[:10] == [18 * number for number in range(10)]
    assert breaches(world, made) == []
    assert {
        itinerary.emails[0].slot.send_day for itinerary in made.itineraries if itinerary.emails[0].slot
    } == {NINE.date()}


def test_the_pace_is_kept_to_emails_of_the_batch_that_left_already() -> None:
    """The first ten are out of the plan: whoever is placed anew keeps 18 seconds to each, on any mailbox."""
    boxes = [mailbox(1), mailbox(2)]
    held = batch(12, boxes).holding(batch(12, boxes).plan())
    gone = [
        Taken(email_of(leg), leg.held.mailbox_id, leg.held.send_at, paced_by=one.sequence.id)
        for one in held.enrollments[:10]
        for leg in one.legs
        if leg.held is not None
    ]
    late = [
        replace(one, not_before=NINE, legs=tuple(leg._replace(held=None) for leg in one.legs))
        for one in held.enrollments[10:]
    ]

    made = replace(held, enrollments=tuple(late), taken=tuple(gone)).plan()

    assert seconds(made) == [180, 198]


def test_replanning_a_batch_moves_nothing() -> None:
    """Also when everyone may gain."""
    world = batch(250, [mailbox(1, capacity=0, gap_s=45), mailbox(2)], OFFICE)
    held = world.holding(world.plan())

    for again in (held.plan(), every(held, lambda one: replace(one, may_gain=True)).plan()):
        assert moved(again) == []
        assert again.shifts == ()


def test_what_an_outage_left_behind_joins_the_end_of_the_batch() -> None:
    """Found half an hour later: those still to come keep their times, so that the limit holds."""
    world = batch(250, [mailbox(1, capacity=0)])
    held = replace(world.holding(world.plan()), now=NINE + AN_HOUR / 2)

    made = held.plan()

    late = [number for number, second in enumerate(seconds(made)) if second >= 250 * 18]
    assert causes(made) == [MoveCause.LATE] * len(late)
    assert late == list(range(67))
    assert [seconds(made)[number] for number in late] == [(250 + number) * 18 for number in late]


def test_raised_capacity_brings_a_batch_forward() -> None:
    """30 a day take four days for 100; with 500 those of the third and fourth leave on the first."""
    world = batch(100, [mailbox(1)], OFFICE)
    held = every(world.holding(world.plan()), lambda one: replace(one, may_gain=True))

    made = replace(held, mailboxes=(mailbox(1, capacity=500),)).plan()

    # Tuesday's would gain no more than a day, so they stay.
    assert causes(made) == [MoveCause.EARLIER] * 40
    assert seconds(made)[60:] == [18 * number for number in range(60, 100)]


def test_a_batch_without_a_pace_is_spread_evenly_from_its_start_on() -> None:
    """Eight emails from one o'clock on: every half hour until five."""
    start = NINE + 4 * AN_HOUR
    contacts = enrolled(8, sequence(1, OFFICE, [mailbox(1, capacity=0, gap_s=60)]), at=NOW)
    waiting = tuple(replace(one, not_before=start) for one in contacts)

    made = World(NOW, (mailbox(1, capacity=0, gap_s=60),), waiting).plan()

    assert [berlin(itinerary)[0] for itinerary in made.itineraries] == [
        f"Mon {13 + number // 2}:{30 * (number % 2):02}" for number in range(8)
    ]


@pytest.mark.parametrize(
    ("rate", "others", "leaves"),
    [
        (Rate(RateKind.HOURLY, 2), ("09:05", "09:06"), ["Mon 10:00", "Mon 10:30"]),
        (Rate(RateKind.SLIDING, 2, timedelta(hours=2)), ("09:05", "09:06"), ["Mon 11:05", "Mon 12:05"]),
        (Rate(RateKind.ROLLING_24H, 2, timedelta(days=1)), ("07:30", "08:30"), ["Tue 07:30", "Tue 08:30"]),
    ],
)
def test_rates_are_kept_beside_emails_that_lie_close_together(
    rate: Rate, others: tuple[str, ...], leaves: list[str]
) -> None:
    """A distance between all emails would do if they had it; these others have not."""
    box = replace(mailbox(1), rates=(rate,))
    instants = (datetime.fromisoformat(f"2026-11-23T{each}").replace(tzinfo=BERLIN) for each in others)
    taken = tuple(
        Taken(EmailId(UUID(int=at)), box.id, each.astimezone(UTC)) for at, each in enumerate(instants)
    )
    world = replace(batch(2, [box]), taken=taken)

    assert [berlin(each)[0] for each in world.plan().itineraries] == leaves


def test_what_is_due_just_now_counts_in_the_hour_that_begins() -> None:
    """One an hour: at ten sharp the email of 09:05 has left, and the one of 10:00 stays where it is."""
    ten = NINE + AN_HOUR
    box = replace(mailbox(1), rates=(Rate(RateKind.HOURLY, 1),))
    sent = Taken(EmailId(UUID(int=1)), box.id, NINE + timedelta(minutes=5))
    world = batch(1, [mailbox(1)])
    held = world.holding(replace(world, now=ten).plan())

    made = replace(held, now=ten, mailboxes=(box,), taken=(sent,)).plan()

    assert seconds(made) == [3600]
    assert moved(made) == []
