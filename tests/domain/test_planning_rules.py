"""Rules 1 to 8, 10 and 14 of planning, over zones, windows, capacities, gaps and held slots."""

from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.itineraries import MoveCause
from domain.plan import Plan
from tests.domain.planning_changes import changed, needless
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import World, crowded, mailbox, worlds


@given(world=worlds())
def test_a_fresh_plan_keeps_every_rule(world: World) -> None:
    """Waits, capacities, gaps, windows, mailboxes, completeness and order hold in any world."""
    made = world.plan()

    assert breaches(world, made) == []


@given(world=worlds() | crowded(), chance=st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(world: World, chance: Random) -> None:
    """The same state gives the same plan, twice and in whatever order it is read."""
    shuffled = replace(
        world,
        enrollments=tuple(chance.sample(world.enrollments, len(world.enrollments))),
        mailboxes=tuple(chance.sample(world.mailboxes, len(world.mailboxes))),
        taken=tuple(chance.sample(world.taken, len(world.taken))),
    )

    made = world.plan()

    assert world.plan() == made
    assert shuffled.plan() == made


@given(world=worlds())
def test_replanning_without_a_change_moves_nothing(world: World) -> None:
    """What a plan gave is what the next plan keeps, though everyone may gain."""
    made = world.plan()
    held = world.holding(made)
    eager = replace(held, enrollments=tuple(replace(each, may_gain=True) for each in held.enrollments))

    for again in (held.plan(), eager.plan()):
        assert moved(again) == []
        assert again.shifts == ()
        assert [itinerary.mailbox_id for itinerary in again.itineraries] == [
            itinerary.mailbox_id for itinerary in made.itineraries
        ]
        assert _slots(again) == _slots(made)


@given(data=st.data(), world=worlds())
def test_a_change_moves_only_what_it_breaks(data: st.DataObject, world: World) -> None:
    """After any change every rule holds again, every move has a cause, and none was needless."""
    held = world.holding(world.plan())
    after = data.draw(changed(held))

    made = after.plan()

    assert breaches(after, made) == []
    assert list(needless(after, made)) == []


@given(data=st.data(), world=worlds())
def test_a_plan_mended_once_is_mended_for_good(data: st.DataObject, world: World) -> None:
    """Replanning what a change led to moves nothing more."""
    after = data.draw(changed(world.holding(world.plan())))

    once = after.plan()
    again = after.holding(once).plan()

    assert moved(again) == []
    assert again.shifts == ()
    assert _slots(again) == _slots(once)


@given(world=crowded())
def test_a_crowded_mailbox_makes_place_for_narrow_windows(world: World) -> None:
    """Emails that shift stay on their day and in their window, and nothing else moves."""
    made = world.plan()

    assert breaches(world, made) == []
    assert list(needless(world, made)) == []
    assert {email.moved_because for email in moved(made)} <= {MoveCause.NARROWER_WINDOW}


@given(world=worlds())
def test_who_may_gain_moves_only_for_more_than_a_day(world: World) -> None:
    """After capacities were raised, whatever moves leaves at least two days earlier."""
    held = world.holding(world.plan())
    raised = replace(
        held,
        mailboxes=tuple(replace(box, daily_capacity=30, ramp=None) for box in held.mailboxes),
        enrollments=tuple(replace(each, may_gain=True) for each in held.enrollments),
    )

    made = raised.plan()

    assert breaches(raised, made) == []
    for email in moved(made):
        assert email.moved_because in (MoveCause.EARLIER, MoveCause.NARROWER_WINDOW)
        if email.moved_because is MoveCause.EARLIER and email.slot and email.leg.held:
            assert email.leg.held.window_day - email.slot.window_day >= timedelta(days=2)


@given(world=worlds())
def test_a_rebalance_keeps_every_rule(world: World) -> None:
    """With a mailbox more for everyone, who moves takes all steps along, and the first starts earlier."""
    held = world.holding(world.plan())
    fresh = mailbox(9, capacity=5)
    wider = {
        each.sequence: replace(each.sequence, mailbox_ids=(*each.sequence.mailbox_ids, fresh.id))
        for each in held.enrollments
    }
    free = replace(
        held,
        mailboxes=(*held.mailboxes, fresh),
        enrollments=tuple(
            replace(each, sequence=wider[each.sequence], may_gain=True, may_change_mailbox=True)
            for each in held.enrollments
        ),
    )

    made = free.plan()

    assert breaches(free, made) == []
    for itinerary in made.itineraries:
        first = itinerary.emails[0]
        if first.leg.held and first.slot and first.slot.mailbox_id != first.leg.held.mailbox_id:
            assert first.leg.held.window_day - first.slot.window_day >= timedelta(days=2)


def _slots(made: Plan) -> list[object]:
    return [(email.slot, email.unplaced_reason) for each in made.itineraries for email in each.emails]
