"""Coming back: who was handed over takes the slots that were left behind, where nobody has them now."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.enrollments import Enrollment
from domain.itineraries import MoveCause
from domain.plan import Taken
from tests.domain.planning_examples import NOW, causes, every
from tests.domain.planning_limits import all_breaches, limited_worlds
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import (
    World,
    email_of,
    enrolled,
    mailbox,
    sequence,
    slots_of,
    worlds,
)
from tests.domain.test_pull_forward import DAILY

HOME, REFUGE = mailbox(1, capacity=2), mailbox(2, capacity=2)


def planned_at_home(contacts: int = 4) -> World:
    """Two contacts a day with a follow-up, all in one of the two mailboxes."""
    people = enrolled(contacts, sequence(1, DAILY, [HOME]), waits=(0, 1), at=NOW)
    fresh = World(NOW, (HOME, REFUGE), tuple(people))
    held = fresh.holding(fresh.plan())
    both = sequence(1, DAILY, [HOME, REFUGE])
    return every(held, lambda each: replace(each, sequence=both))


def handed_over(world: World) -> World:
    """Everyone goes to the other mailbox, as when the first one is removed."""
    gone = replace(
        every(
            world, lambda each: replace(_losing(each, MoveCause.MAILBOX_HANDED_OVER), may_change_mailbox=True)
        ),
        mailboxes=(replace(HOME, is_available=False), REFUGE),
    )
    after = gone.holding(gone.plan())
    stays = every(after, lambda each: replace(each, may_change_mailbox=False))
    return replace(stays, mailboxes=(HOME, REFUGE))


def returning(world: World, before: World) -> World:
    """Everyone goes back to where they were in *before*."""
    homes = {each.id: each for each in before.enrollments}

    def back(each: Enrollment) -> Enrollment:
        was = homes[each.id]
        former = [leg.held.send_at if leg.held else None for leg in was.legs]
        losing = _losing(each, MoveCause.TRANSFER_UNDONE)
        legs = tuple(leg._replace(former_at=at) for leg, at in zip(losing.legs, former, strict=True))
        return replace(losing, mailbox_id=was.mailbox_id, legs=legs)

    return every(world, back)


def _losing(each: Enrollment, cause: MoveCause) -> Enrollment:
    return replace(
        each, legs=tuple(leg._replace(loses_slot=cause if leg.held else None) for leg in each.legs)
    )


def test_everyone_gets_the_very_slots_back_that_they_had() -> None:
    """Days and instants are those from before, and the cause is told."""
    before = planned_at_home()
    away = handed_over(before)

    made = returning(away, before).plan()

    assert {slot.mailbox_id for slot in slots_of(away.plan())} == {REFUGE.id}
    assert slots_of(made) == slots_of(before.plan())
    assert causes(made) == [MoveCause.TRANSFER_UNDONE] * 8


def test_a_slot_that_somebody_else_has_now_is_not_taken_back() -> None:
    """The first contact of Monday finds it taken, and gets another one at home; the others get theirs."""
    before = planned_at_home()
    first = slots_of(before.plan())[0]
    stranger = Taken(email_of(before.enrollments[0].legs[0]), HOME.id, first.send_at)
    world = replace(returning(handed_over(before), before), taken=(stranger,))

    made = world.plan()

    slots = slots_of(made)
    assert breaches(world, made) == []
    assert {slot.mailbox_id for slot in slots} == {HOME.id}
    assert first not in slots
    assert slots[2:] == slots_of(before.plan())[2:]


def test_an_email_that_left_a_moment_late_keeps_nobody_from_coming_back() -> None:
    """The first one left three seconds late; the second still has its slot, though the gap is not whole."""
    before = planned_at_home()
    first, _, second, _ = slots_of(before.plan())[:4]
    apart = second.send_at - first.send_at
    left = Taken(email_of(before.enrollments[0].legs[0]), HOME.id, first.send_at + timedelta(seconds=3))
    back = returning(handed_over(before), before)
    world = replace(
        back,
        now=first.send_at + timedelta(minutes=1),
        mailboxes=(replace(HOME, minimum_gap=apart), REFUGE),
        enrollments=back.enrollments[1:2],
        taken=(left,),
    )

    made = world.plan()

    assert breaches(world, made) == []
    assert slots_of(made)[0] == second


def test_a_slot_that_has_passed_is_not_taken_back() -> None:
    """Monday is over when the mailbox comes back; Tuesday's slots are still good."""
    before = planned_at_home()
    tuesday = NOW + timedelta(hours=20)
    world = replace(returning(handed_over(before), before), now=tuesday)

    made = world.plan()

    assert breaches(world, made) == []
    assert all(slot.send_at > tuesday for slot in slots_of(made))
    assert slots_of(made)[4:] == slots_of(before.plan())[4:]


@given(data=st.data(), world=worlds() | limited_worlds())
def test_whoever_comes_back_breaks_no_rule(data: st.DataObject, world: World) -> None:
    """Whatever the mailboxes are, whoever returns, and whatever they had there."""
    held = world.holding(world.plan())
    ids = {each.id for each in held.enrollments if data.draw(st.booleans())}

    def back(each: Enrollment) -> Enrollment:
        if each.id not in ids:
            return each
        hours = st.none() | st.integers(-48, 200).map(lambda later: held.now + timedelta(hours=later))
        losing = _losing(each, MoveCause.TRANSFER_UNDONE)
        legs = tuple(leg._replace(former_at=data.draw(hours)) for leg in losing.legs)
        home = data.draw(st.sampled_from(each.sequence.mailbox_ids))
        return replace(losing, mailbox_id=home, legs=legs)

    after = every(held, back)

    made = after.plan()

    stayed = {each.id for each in after.enrollments} - ids
    at_home = {each.id: each.mailbox_id for each in after.enrollments}
    assert all_breaches(after, made) == []
    assert [at_home[each.enrollment_id] for each in made.itineraries] == [
        each.mailbox_id for each in made.itineraries
    ]
    for itinerary in made.itineraries:
        if itinerary.enrollment_id in stayed:
            because = {email.moved_because for email in itinerary.emails}
            assert because <= {None, MoveCause.NARROWER_WINDOW}
    assert {email.moved_because for email in moved(made)} <= {
        MoveCause.TRANSFER_UNDONE,
        MoveCause.NARROWER_WINDOW,
        MoveCause.WAIT_CHANGED,
    }
