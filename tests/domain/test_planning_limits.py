"""Rules 2, 3 and 7 of planning under every limit: rates, domains, starts, jitter and varied days."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.plan import Plan
from tests.domain.examples import examples
from tests.domain.planning_limits import all_breaches, changed_limits, limited_worlds
from tests.domain.planning_rules import moved
from tests.domain.planning_world import World


# Days are swept one after the other where rates are set: an example costs what six others do.
@examples(25, each_like=6)
@given(world=limited_worlds())
def test_a_fresh_plan_keeps_every_limit(world: World) -> None:
    """Whatever is limited, nothing is exceeded in any hour, stretch, day, domain or sequence."""
    assert all_breaches(world, world.plan()) == []


@examples(25, each_like=6)
@given(world=limited_worlds(), chance=st.randoms(use_true_random=False))
def test_limits_do_not_depend_on_the_order_of_the_input(world: World, chance: Random) -> None:
    """The same state gives the same plan, jitter and varied days included."""
    shuffled = replace(
        world,
        enrollments=tuple(chance.sample(world.enrollments, len(world.enrollments))),
        mailboxes=tuple(chance.sample(world.mailboxes, len(world.mailboxes))),
        taken=tuple(chance.sample(world.taken, len(world.taken))),
    )

    assert shuffled.plan() == world.plan()


@examples(25, each_like=6)
@given(world=limited_worlds())
def test_replanning_under_limits_without_a_change_moves_nothing(world: World) -> None:
    """What a plan gave is what the next plan keeps, though everyone may gain."""
    made = world.plan()
    held = world.holding(made)
    eager = replace(held, enrollments=tuple(replace(each, may_gain=True) for each in held.enrollments))

    for again in (held.plan(), eager.plan()):
        assert moved(again) == []
        assert again.shifts == ()
        assert _slots(again) == _slots(made)


@examples(25, each_like=6)
@given(data=st.data(), world=limited_worlds())
def test_a_change_leaves_every_limit_kept(data: st.DataObject, world: World) -> None:
    """After any change, or under other limits, every rule holds again."""
    after = data.draw(changed_limits(world.holding(world.plan())))

    assert all_breaches(after, after.plan()) == []


@examples(25, each_like=6)
@given(data=st.data(), world=limited_worlds())
def test_a_plan_mended_under_limits_is_mended_for_good(data: st.DataObject, world: World) -> None:
    """Replanning what a change led to moves nothing more."""
    after = data.draw(changed_limits(world.holding(world.plan())))

    once = after.plan()
    again = after.holding(once).plan()

    assert moved(again) == []
    assert again.shifts == ()
    assert _slots(again) == _slots(once)


def _slots(made: Plan) -> list[object]:
    return [(email.slot, email.unplaced_reason) for each in made.itineraries for email in each.emails]
