"""The rules of planning where contacts are in several sequences, and a gap is kept between these."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.contact_gap import ContactGap
from domain.ids import ContactId
from domain.itineraries import MoveCause
from domain.planning import plan
from tests.domain.examples import examples
from tests.domain.planning_changes import changed, needless
from tests.domain.planning_contacts import contacts_of, crowded_contacts, shared_worlds, with_gap
from tests.domain.planning_examples import causes, every
from tests.domain.planning_paces import broken_paces, paced_worlds
from tests.domain.planning_repeats import repeats, restless
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import World, worlds


# Few people need the gap, and the rules themselves are shown in `test_planning_rules`: a quarter as many.
@pytest.mark.timeout(0)
@examples(500)
@given(data=st.data(), world=shared_worlds(), order=st.integers(0, 999), other=st.integers(0, 20))
def test_every_rule_holds_where_contacts_are_in_several_sequences(
    data: st.DataObject, world: World, order: int, other: int
) -> None:
    """Afresh, again, in another order, after any change, and when the gap is another one."""
    made = world.plan()
    after = data.draw(changed(world.holding(made)))
    mended = after.plan()
    reset = with_gap(world.holding(made), other)
    parted = reset.plan()

    assert [*breaches(world, made), *crowded_contacts(world, made), *repeats(world, made, order=order)] == []
    assert [*breaches(after, mended), *crowded_contacts(after, mended), *needless(after, mended)] == []
    assert list(restless(after.holding(mended), mended)) == []
    assert [*breaches(reset, parted), *crowded_contacts(reset, parted), *needless(reset, parted)] == []
    assert {email.moved_because for email in moved(parted)} <= {
        MoveCause.CONTACT_MIN_GAP,
        MoveCause.WAIT_CHANGED,
        MoveCause.NARROWER_WINDOW,
    }


@given(world=paced_worlds(), gap=st.integers(1, 9))
def test_batches_keep_their_pace_and_the_gap(world: World, gap: int) -> None:
    """Beside sequences, at any pace, and nobody moves when it is planned again."""
    shared = replace(world, contact_gap=ContactGap(gap, contacts_of(world.enrollments), {}))
    made = shared.plan()

    assert [*breaches(shared, made), *crowded_contacts(shared, made), *broken_paces(shared, made)] == []
    assert list(restless(shared.holding(made), made)) == []


@given(data=st.data(), world=shared_worlds())
def test_nights_and_rebalances_keep_the_gap(data: st.DataObject, world: World) -> None:
    """Some enrollments end, and others gain by that: each by more than a day, and no contact is crowded."""
    held = world.holding(world.plan())
    staying = data.draw(st.lists(st.sampled_from(held.enrollments), unique=True))
    left = replace(held, enrollments=tuple(staying))
    eager = every(left, lambda each: replace(each, may_gain=True, may_change_mailbox=True))
    by_night = plan(
        left.enrollments,
        left.mailboxes,
        now=left.now,
        taken=left.taken,
        pulls_forward=True,
        contact_gap=left.contact_gap,
    )

    for made in (by_night, eager.plan()):
        assert [*breaches(eager, made), *crowded_contacts(eager, made)] == []
        assert set(causes(made)) <= {MoveCause.EARLIER, MoveCause.NARROWER_WINDOW}


@given(world=worlds(), gap=st.integers(1, 90))
def test_where_nobody_is_in_two_sequences_a_gap_changes_nothing(world: World, gap: int) -> None:
    """The plan is the very one that is made without."""
    contacts = {each.id: ContactId(each.id) for each in world.enrollments}

    assert replace(world, contact_gap=ContactGap(gap, contacts, {})).plan() == world.plan()
