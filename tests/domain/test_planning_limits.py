"""The rules of planning under every limit and pace: rates, domains, starts, jitter, varied days, batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import examples
from tests.domain.planning_changes import changed
from tests.domain.planning_limits import all_breaches, changed_limits, limited_worlds
from tests.domain.planning_paces import broken_paces, out_of_order, paced_worlds
from tests.domain.planning_repeats import repeats, restless
from tests.domain.planning_rules import breaches
from tests.domain.planning_world import World


@pytest.mark.timeout(0)
@examples(2000)
@given(data=st.data(), world=limited_worlds(), order=st.integers(0, 999))
def test_every_rule_holds_under_any_limit(data: st.DataObject, world: World, order: int) -> None:
    """Afresh, again, in another order, after a pause, and after any change or under other limits."""
    made = world.plan()
    after = data.draw(changed_limits(world.holding(made)))
    mended = after.plan()

    assert [*all_breaches(world, made), *repeats(world, made, order=order)] == []
    assert all_breaches(after, mended) == []
    assert list(restless(after.holding(mended), mended)) == []


@pytest.mark.timeout(0)
@examples(2000)
@given(data=st.data(), world=paced_worlds(), order=st.integers(0, 999))
def test_every_rule_holds_at_any_pace(data: st.DataObject, world: World, order: int) -> None:
    """The same where sequences keep a pace, after any change."""
    made = world.plan()
    after = data.draw(changed(world.holding(made)))
    mended = after.plan()

    assert [*breaches(world, made), *broken_paces(world, made), *out_of_order(world, made)] == []
    assert repeats(world, made, order=order) == []
    assert [*breaches(after, mended), *broken_paces(after, mended)] == []
    assert list(restless(after.holding(mended), mended)) == []
