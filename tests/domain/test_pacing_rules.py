"""The order of the emails of a batch, over zones, windows, capacities and gaps."""

from hypothesis import given

from tests.domain.planning_paces import by_sequence, paced_worlds
from tests.domain.planning_world import World


@given(world=paced_worlds())
def test_the_emails_of_a_batch_leave_in_the_order_of_its_contacts(world: World) -> None:
    """Whatever windows, mailboxes and other sequences there are beside it."""
    for sequence, instants in by_sequence(world.enrollments, world.plan()):
        assert sequence.pace is None or instants == sorted(instants)
