"""Who keeps a slot, who loses it, and the cause that is recorded."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.enrollments import Enrollment
from domain.ids import EmailId, StepId
from domain.itineraries import Leg, MoveCause
from domain.plan import Plan, Taken
from domain.send_window import Calendar
from domain.waits import Wait
from tests.domain.planning_examples import NOW, OFFICE, berlin, causes, every, held_world
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import BERLIN, World, enrolled, hours, mailbox, sequence, slots_of


def test_a_lowered_capacity_moves_the_latest_planned_overflow() -> None:
    """From 30 to 20: the ten who enrolled last leave on the next day, twenty do not move."""
    held = held_world(30)
    lowered = replace(held, mailboxes=(replace(held.mailboxes[0], daily_capacity=20),))

    made = lowered.plan()

    assert breaches(lowered, made) == []
    assert causes(made) == [MoveCause.CAPACITY_LOWERED] * 10
    assert [email.leg for email in moved(made)] == [each.legs[0] for each in held.enrollments[20:]]
    assert {email.slot.send_day.day for email in moved(made) if email.slot} == {24}


def test_a_lowered_capacity_never_moves_an_email_to_an_earlier_day() -> None:
    """The overflow of Tuesday goes to Wednesday, though Monday has become free."""
    held = held_world(60)
    tuesday = tuple(
        each for each in held.enrollments if each.legs[0].held and each.legs[0].held.send_day.day == 24
    )
    lowered = replace(held, mailboxes=(replace(held.mailboxes[0], daily_capacity=20),), enrollments=tuesday)

    made = lowered.plan()

    assert causes(made) == [MoveCause.CAPACITY_LOWERED] * 10
    assert {email.slot.send_day.day for email in moved(made) if email.slot} == {25}


def test_a_changed_window_moves_only_what_is_outside_of_it() -> None:
    """From 09–17 to 09–16: the three slots after 16:00 move, and find place between the others."""
    held = held_world(30)
    earlier = sequence(1, Calendar(BERLIN, hours((9, 0, 16, 0))), held.mailboxes)

    made = every(held, lambda each: replace(each, sequence=earlier)).plan()

    assert causes(made) == [MoveCause.WINDOW_CHANGED] * 3
    assert {slot.send_day.day for slot in slots_of(made)} == {23}
    assert len({slot.send_at for slot in slots_of(made)}) == 30


def test_a_longer_wait_moves_the_follow_up_and_what_comes_after_it() -> None:
    """A wait of 2 becomes 4: Wednesday moves to Friday, Thursday with its wait of 1 to Saturday."""
    held = held_world(1, waits=(0, 2, 1))
    longer = every(
        held,
        lambda each: replace(each, legs=(each.legs[0], each.legs[1]._replace(wait=Wait(4)), each.legs[2])),
    )

    made = longer.plan()

    assert berlin(made.itineraries[0]) == ["Mon 09:00", "Fri 09:00", "Sat 09:00"]
    assert causes(made) == [MoveCause.WAIT_CHANGED] * 2


def test_a_shorter_wait_moves_a_follow_up_only_if_it_may_gain_more_than_a_day() -> None:
    """From 4 days to 1 is a gain of three; from 4 to 3 is not worth a move; unasked, nothing moves."""
    held = held_world(1, waits=(0, 4))

    def shorter(wait: int, *, may_gain: bool) -> Plan:
        def change(each: Enrollment) -> Enrollment:
            legs = (each.legs[0], each.legs[1]._replace(wait=Wait(wait)))
            return replace(each, legs=legs, may_gain=may_gain)

        return every(held, change).plan()

    assert causes(shorter(1, may_gain=True)) == [MoveCause.EARLIER]
    assert berlin(shorter(1, may_gain=True).itineraries[0]) == ["Mon 09:00", "Tue 09:00"]
    assert causes(shorter(3, may_gain=True)) == []
    assert causes(shorter(1, may_gain=False)) == []


def test_a_step_sent_late_moves_the_follow_up_whose_wait_broke() -> None:
    """Sent on Tuesday instead of Monday, a wait of two days ends on Thursday."""
    held = held_world(1, waits=(0, 2))
    tuesday = NOW.date() + timedelta(days=1)

    made = every(held, lambda each: replace(each, legs=each.legs[1:], last_window_day=tuesday)).plan()

    assert berlin(made.itineraries[0]) == ["Thu 09:00"]
    assert causes(made) == [MoveCause.WAIT_CHANGED]


def test_an_email_held_back_until_an_instant_moves_behind_it() -> None:
    """A slot at 09:00 does not hold when the email must not leave before noon."""
    held = held_world(1)

    made = every(held, lambda each: replace(each, not_before=NOW + timedelta(hours=5))).plan()

    assert berlin(made.itineraries[0]) == ["Mon 12:12"]
    assert causes(made) == [MoveCause.WAIT_CHANGED]


def test_a_slot_is_late_after_ten_minutes_and_not_before() -> None:
    """The dispatcher may still take an email of 09:00 at 09:09; at 09:10 it is given a new slot."""
    held = held_world(1)
    nine = NOW + timedelta(hours=2)

    in_time = replace(held, now=nine + timedelta(minutes=9)).plan()
    late = replace(held, now=nine + timedelta(minutes=10)).plan()

    assert causes(in_time) == []
    assert causes(late) == [MoveCause.LATE]
    assert berlin(late.itineraries[0]) == ["Mon 09:16"]


def test_a_wider_gap_parts_neighbours_that_became_too_close() -> None:
    """Every second email of one each 16 minutes keeps its time under a gap of 30 minutes."""
    held = held_world(6)
    hold_at = [NOW + timedelta(hours=2, minutes=16 * number) for number in range(6)]
    close = replace(
        held,
        enrollments=tuple(
            replace(each, legs=(leg._replace(held=leg.held._replace(send_at=at)),))
            for each, at in zip(held.enrollments, hold_at, strict=True)
            if (leg := each.legs[0]).held
        ),
        mailboxes=(replace(held.mailboxes[0], minimum_gap=timedelta(minutes=30)),),
    )

    made = close.plan()

    assert breaches(close, made) == []
    assert causes(made) == [MoveCause.SPACING] * 3
    assert [email.leg.held.send_at for email in moved(made) if email.leg.held] == hold_at[1::2]


def test_beside_an_email_that_cannot_move_its_neighbour_does_even_if_it_is_first() -> None:
    """A taken slot ten seconds after a kept one pushes that away under a gap of a minute."""
    held = held_world(1, boxes=(mailbox(1, gap_s=60),))
    other = Taken(EmailId(UUID(int=5)), held.mailboxes[0].id, NOW + timedelta(hours=2, seconds=10))

    made = replace(held, taken=(other,)).plan()

    assert breaches(replace(held, taken=(other,)), made) == []
    assert causes(made) == [MoveCause.SPACING]


def test_an_email_that_left_a_moment_late_moves_nobody() -> None:
    """Sent at 09:00:05 under a gap of ten minutes, it leaves the slot of 09:10:00 where it is."""
    held = held_world(2, boxes=(mailbox(1, capacity=0, gap_s=600),))
    second = held.enrollments[1]
    at_ten_past = replace(
        second,
        legs=(
            second.legs[0]._replace(
                held=slots_of(held.plan())[1]._replace(send_at=NOW + timedelta(hours=2, minutes=10)),
            ),
        ),
    )
    sent = Taken(EmailId(UUID(int=5)), held.mailboxes[0].id, NOW + timedelta(hours=2, seconds=5))
    after = World(NOW + timedelta(hours=2, seconds=6), held.mailboxes, (at_ten_past,), (sent,))

    assert moved(after.plan()) == []


def test_a_leg_that_must_not_keep_its_slot_says_why() -> None:
    """What the gate let go of is placed anew, though its old slot would still be good."""
    held = held_world(1)
    slot = held.enrollments[0].legs[0].held
    other = enrolled(1, sequence(2, OFFICE, held.mailboxes), at=NOW - timedelta(hours=1))
    released = every(
        held, lambda each: replace(each, legs=(each.legs[0]._replace(loses_slot=MoveCause.RELEASED),))
    )

    made = replace(released, enrollments=(*released.enrollments, *other)).plan()

    assert causes(made) == [MoveCause.RELEASED]
    assert slot not in [email.slot for email in moved(made)]


def test_a_mailbox_in_another_zone_changes_the_day_but_not_the_time() -> None:
    """Its local day is counted anew; nobody moves, and no cause is needed."""
    held = held_world(3)
    auckland = replace(held, mailboxes=(replace(held.mailboxes[0], zone=ZoneInfo("Pacific/Auckland")),))

    made = auckland.plan()

    assert moved(made) == []
    assert breaches(auckland, made) == []
    assert [slot.send_at for slot in slots_of(made)] == [slot.send_at for slot in slots_of(held.plan())]
    assert {slot.send_day.day for slot in slots_of(made)} <= {23, 24}


def test_a_step_on_the_same_day_leaves_after_the_one_before_it() -> None:
    """A step without a wait is inserted before one that leaves at 09:00: that one moves behind it."""
    held = held_world(1, waits=(0,))
    fresh = Leg(StepId(UUID(int=77)), 1, Wait(0))
    inserted = every(held, lambda each: replace(each, legs=(fresh, *each.legs)))

    made = inserted.plan()

    assert breaches(inserted, made) == []
    first, second = slots_of(made)
    assert first.window_day == second.window_day
    assert first.send_at < second.send_at
    assert causes(made) == [MoveCause.WAIT_CHANGED]
