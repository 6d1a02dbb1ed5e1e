"""What becomes of held slots when their mailbox is unavailable, comes back, or is gone."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from domain.enrollments import Enrollment
from domain.ids import StepId
from domain.itineraries import Leg, MoveCause, Slot, UnplacedReason
from domain.send_window import Calendar
from domain.waits import Wait
from tests.domain.planning_examples import NOW, OFFICE, causes, every, held_world
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import BERLIN, hours, mailbox, sequence, slots_of


def test_emails_of_an_unavailable_mailbox_wait_without_moving() -> None:
    """Not even when late, out of their window or before a longer wait; a new step waits with them."""
    held = held_world(2, waits=(0, 2))
    never = sequence(1, Calendar(BERLIN, hours((3, 0, 4, 0))), held.mailboxes)
    fresh = Leg(StepId(UUID(int=77)), 2, Wait(1))

    def change(each: Enrollment) -> Enrollment:
        return replace(each, sequence=never, legs=(each.legs[0], fresh, each.legs[1]._replace(wait=Wait(9))))

    paused = replace(
        every(held, change),
        now=NOW + timedelta(days=20),
        mailboxes=(replace(held.mailboxes[0], is_available=False, daily_capacity=1),),
    )

    made = paused.plan()

    assert moved(made) == []
    for itinerary in made.itineraries:
        assert [email.unplaced_reason for email in itinerary.emails] == [
            None,
            UnplacedReason.MAILBOX_UNAVAILABLE,
            None,
        ]


def test_a_mailbox_that_comes_back_gives_new_slots_to_what_is_late() -> None:
    """After three days the first steps are late and the follow-ups move behind them, all spread over days."""
    held = held_world(30, waits=(0, 1))
    back = replace(held, now=NOW + timedelta(days=3))

    made = back.plan()

    assert breaches(back, made) == []
    assert set(causes(made)) == {MoveCause.LATE}
    assert len(moved(made)) == 60


def test_a_slot_in_a_mailbox_that_is_gone_is_handed_over() -> None:
    """The mailbox is not known any more, the enrollment may leave it: all steps go to the other one."""
    held = held_world(1, waits=(0, 1), boxes=(mailbox(1), mailbox(2)))
    gone = held.enrollments[0].mailbox_id
    left = tuple(box for box in held.mailboxes if box.id != gone)
    rest = replace(
        every(held, lambda each: replace(each, may_change_mailbox=True, sequence=sequence(1, OFFICE, left))),
        mailboxes=left,
    )

    made = rest.plan()

    assert causes(made) == [MoveCause.MAILBOX_HANDED_OVER] * 2
    assert {slot.mailbox_id for slot in slots_of(made)} == {left[0].id}
    assert made.itineraries[0].mailbox_id == left[0].id


def test_a_handed_over_email_does_not_leave_earlier_than_it_was_promised() -> None:
    """The other mailbox is free today; the follow-up of Friday stays on Friday."""
    boxes = (mailbox(1), mailbox(2))
    held = held_world(1, waits=(4,), boxes=boxes)
    slot = held.enrollments[0].legs[0].held
    assert isinstance(slot, Slot)

    def change(each: Enrollment) -> Enrollment:
        leg = each.legs[0]._replace(wait=Wait(1), loses_slot=MoveCause.MAILBOX_HANDED_OVER)
        left = sequence(1, OFFICE, [box for box in boxes if box.id != slot.mailbox_id])
        return replace(each, legs=(leg,), may_change_mailbox=True, sequence=left)

    made = every(held, change).plan()

    assert [each.window_day for each in slots_of(made)] == [slot.window_day]
    assert causes(made) == [MoveCause.MAILBOX_HANDED_OVER]
