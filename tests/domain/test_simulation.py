"""Simulations whose every figure is known beforehand."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from domain.ids import MailboxId, SequenceId
from domain.itineraries import MoveCause
from domain.mailboxes import Ramp
from domain.scenarios import Course, Joining, Night, Scenario
from domain.send_window import Calendar
from domain.sequences import Sequence
from domain.simulation import simulate
from domain.waits import Wait
from tests.domain.planning_world import BERLIN, hours, sequence
from tests.domain.simulated_office import (
    BOXES,
    EAST,
    FRIDAY,
    MONDAY,
    NORTH,
    OFFICE,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    per_day,
    welcome,
)


def test_ninety_contacts_and_three_mailboxes_send_ninety_on_each_day_of_a_step() -> None:
    """Waits of 0, 2 and 1 days: 30 from each mailbox on Monday, Wednesday and Thursday."""
    simulated = simulate(welcome())

    assert simulated.sent == {(day, box.id): 30 for day in (MONDAY, WEDNESDAY, THURSDAY) for box in BOXES}
    (progress,) = simulated.progress.values()
    assert (progress.contacts, progress.sent, progress.finished, progress.replied) == (90, 270, 90, 0)
    assert progress.unfinished == 0
    assert progress.last_sent_at == datetime(2026, 11, 26, 15, 44, tzinfo=UTC)
    assert simulated.unsent == {}
    (enrolling,) = simulated.effects
    assert (enrolling.moved, enrolling.lost, enrolling.longest_delay) == ({}, 0, timedelta())


def test_what_exceeds_the_capacity_goes_to_the_next_working_days() -> None:
    """250 contacts at 3 × 30 a day: 90, 90 and 70."""
    simulated = simulate(welcome(contacts=250, waits=(0,)))

    assert per_day(simulated) == {MONDAY: 90, TUESDAY: 90, WEDNESDAY: 70}


def test_two_hundred_and_fifty_contacts_fit_the_day_when_the_capacity_does() -> None:
    """Capacities of 100 take all of them on Monday, as evenly as may be."""
    boxes = tuple(replace(box, daily_capacity=100) for box in BOXES)

    simulated = simulate(welcome(contacts=250, boxes=boxes, waits=(0,)))

    assert per_day(simulated) == {MONDAY: 250}
    assert sorted(simulated.sent.values()) == [83, 83, 84]


def test_contacts_who_join_later_move_nobody() -> None:
    """30 more on Tuesday start on Tuesday, which is free, and take the room that the others leave."""
    scenario = welcome(contacts=60, boxes=(NORTH, EAST))
    only = scenario.courses[0].sequence
    later = replace(scenario, joinings=(*scenario.joinings, Joining(2, only.id, 30)))

    simulated = simulate(later)

    assert per_day(simulated) == {
        MONDAY: 60,
        TUESDAY: 30,
        WEDNESDAY: 60,
        THURSDAY: 60,
        FRIDAY: 30,
        date(2026, 11, 28) + timedelta(days=2): 30,
    }
    assert [effect.moved for effect in simulated.effects] == [{}, {}]


def test_a_ramp_grows_from_day_to_day() -> None:
    """10 on the first day, 10 more each day, up to the capacity of 30."""
    box = replace(NORTH, ramp=Ramp(start=10, step=10, started_on=MONDAY))

    simulated = simulate(welcome(contacts=90, boxes=(box,), waits=(0,)))

    assert per_day(simulated) == {MONDAY: 10, TUESDAY: 20, WEDNESDAY: 30, THURSDAY: 30}


def test_whoever_replies_gets_no_more_emails() -> None:
    """When everyone answers, the first letter is the last."""
    simulated = simulate(replace(welcome(), reply_rate=1.0))

    (progress,) = simulated.progress.values()
    assert (progress.sent, progress.replied, progress.finished, progress.unfinished) == (90, 90, 0, 0)


def test_the_seed_decides_who_replies() -> None:
    """Same seed, same simulation; about the given share of the emails is answered."""
    scenario = replace(welcome(contacts=900), reply_rate=0.1, seed=1)

    first, again, other = simulate(scenario), simulate(scenario), simulate(replace(scenario, seed=2))

    (progress,), (differs,) = first.progress.values(), other.progress.values()
    assert first == again
    assert first.sent != other.sent
    for each in (progress, differs):
        assert each.replied + each.finished == 900
        assert 0.07 < each.replied / each.sent < 0.13


def test_sequences_of_high_priority_go_first() -> None:
    """Of two that share a mailbox, the urgent one is served on Monday."""
    urgent = sequence(2, OFFICE, [NORTH], priority=1)
    scenario = welcome(contacts=30, boxes=(NORTH,), waits=(0,))
    both = replace(
        scenario,
        courses=(*scenario.courses, Course(urgent, (Wait(0),))),
        joinings=(*scenario.joinings, Joining(1, urgent.id, 30)),
    )

    simulated = simulate(both)

    last = {sequence_id: each.last_sent_at for sequence_id, each in simulated.progress.items()}
    assert last[urgent.id] == datetime(2026, 11, 23, 15, 44, tzinfo=UTC)
    assert last[scenario.courses[0].sequence.id] == datetime(2026, 11, 24, 15, 44, tzinfo=UTC)


def test_a_night_fills_the_room_of_those_who_replied() -> None:
    """One email a day, and everyone answers the first: the last contact starts on Tuesday, not on Friday."""
    box = replace(NORTH, daily_capacity=1)

    simulated = simulate(replace(welcome(contacts=3, boxes=(box,), waits=(0, 1)), reply_rate=1.0))

    assert per_day(simulated) == {MONDAY: 1, TUESDAY: 1, WEDNESDAY: 1}
    assert [(effect.changes, effect.moved) for effect in simulated.effects[1:]] == [
        ((Night(2),), {MoveCause.EARLIER: 2})
    ]


def test_a_small_sequence_starts_in_places_of_a_big_one() -> None:
    """Ten join on Tuesday, when the ninety of the other have every place up to Wednesday: ten make way."""
    scenario = welcome(boxes=(NORTH,), waits=(0,))
    small = sequence(2, OFFICE, [NORTH])
    both = replace(
        scenario,
        courses=(*scenario.courses, Course(small, (Wait(0),))),
        joinings=(*scenario.joinings, Joining(2, small.id, 10)),
    )

    simulated = simulate(both)

    last_sent_at = simulated.progress[small.id].last_sent_at
    assert last_sent_at is not None
    assert last_sent_at.date() == TUESDAY
    assert per_day(simulated) == {MONDAY: 30, TUESDAY: 30, WEDNESDAY: 30, THURSDAY: 10}
    assert [effect.moved for effect in simulated.effects] == [{}, {MoveCause.FAIR_SHARE: 10}]


def test_who_started_counts_towards_the_starts_of_the_same_window() -> None:
    """Two in each night from ten to two: that of Monday is open when Tuesday begins, and has had its two."""
    night = Calendar(BERLIN, hours((22, 0, 2, 0)))
    limited = replace(sequence(1, night, (NORTH,)), max_new_contacts_per_day=2)
    joinings = (Joining(1, limited.id, 4), Joining(2, limited.id, 1))

    simulated = simulate(Scenario(BERLIN, MONDAY, (Course(limited, (Wait(0),)),), (NORTH,), joinings))

    assert per_day(simulated) == {MONDAY: 4, TUESDAY: 1}
    assert simulated.progress[limited.id].last_sent_at == datetime(2026, 11, 24, 21, tzinfo=UTC)


def test_who_is_known_is_written_to_days_apart() -> None:
    """Both are sent something on Monday; on the day after, two join, and only the stranger is written to."""
    first, second = (sequence(number, OFFICE, (NORTH,)) for number in (1, 2))
    courses = (Course(first, (Wait(0),)), Course(second, (Wait(0),)))
    joinings = (Joining(1, first.id, 2), Joining(2, second.id, 2, known=(2,)))
    scenario = Scenario(BERLIN, MONDAY, courses, (NORTH,), joinings)

    assert per_day(simulate(scenario)) == {MONDAY: 2, TUESDAY: 2}
    assert per_day(simulate(replace(scenario, contact_min_gap_days=3))) == {
        MONDAY: 2,
        TUESDAY: 1,
        THURSDAY: 1,
    }


def test_nothing_is_simulated_without_contacts() -> None:
    """A sequence that nobody is in has sent nothing, and is listed."""
    nobody = Sequence(SequenceId(UUID(int=9)), OFFICE, (MailboxId(UUID(int=1)),))

    simulated = simulate(Scenario(BERLIN, MONDAY, (Course(nobody, (Wait(0),)),), (NORTH,), ()))

    assert (simulated.sent, simulated.effects) == ({}, ())
    assert simulated.progress[nobody.id].contacts == 0
