"""Rules 1 to 8, 10 and 14 of planning, over zones, windows, capacities, gaps and held slots."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.itineraries import MoveCause
from tests.domain.examples import examples
from tests.domain.planning_changes import changed, needless
from tests.domain.planning_repeats import repeats, restless
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import World, crowded, mailbox, worlds


# Everything is asked of one world at once, as it costs more to think of one than to plan in it; together half
# a minute, and longer where others use the machine.
@pytest.mark.timeout(0)
@examples(2000)
@given(data=st.data(), world=worlds(), order=st.integers(0, 999))
def test_every_rule_holds_in_any_world(data: st.DataObject, world: World, order: int) -> None:
    """Afresh, again, in another order, after a pause, beside others that are stuck, and after any change."""
    made = world.plan()
    after = data.draw(changed(world.holding(made)))
    mended = after.plan()

    assert [*breaches(world, made), *repeats(world, made, order=order)] == []
    assert [*breaches(after, mended), *needless(after, mended)] == []
    assert list(restless(after.holding(mended), mended)) == []


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
