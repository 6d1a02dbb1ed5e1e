"""Why each email of a whole plan has its time: chains that grow up to it, whatever the plan."""

from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.enrollments import Enrollment
from domain.explanation import Explanation, explain
from domain.itineraries import Leg
from domain.plan import Taken
from domain.pushes import Constraint
from domain.surroundings import Surroundings
from tests.domain.planning_changes import changed
from tests.domain.planning_contacts import shared_worlds, with_taken
from tests.domain.planning_world import World, crowded, email_of
from tests.domain.planning_world import worlds as any_worlds


def explanations(world: World, planned_at: datetime | None) -> list[tuple[Enrollment, Leg, Explanation]]:
    """Of every email in *world* that has a slot, among all the others."""
    held = [(each, leg) for each in world.enrollments for leg in each.legs if leg.held is not None]
    everyone = [
        *world.taken,
        *(
            Taken(
                email_of(leg),
                leg.held.mailbox_id,
                leg.held.send_at,
                each.calendar if _shifts(each) else None,
            )
            for each, leg in held
            if leg.held
        ),
    ]
    boxes = {box.id: box for box in world.mailboxes}
    gap = world.contact_gap
    for each, leg in held:
        gap = gap and leg.held and with_taken(gap, each, leg.held.window_day)
    found = []
    for enrollment, leg in held:
        assert leg.held is not None
        others = (
            each
            for each in everyone
            if each.mailbox_id == leg.held.mailbox_id and each.email_id != leg.email_id
        )
        box = boxes[leg.held.mailbox_id]
        calendars = {each.calendar for each in world.enrollments if box.id in each.sequence.mailbox_ids}
        around = Surroundings(box, tuple(calendars), tuple(others), contact_gap=gap)
        found.append((enrollment, leg, explain(enrollment, leg, surroundings=around, planned_at=planned_at)))
    return found


def _shifts(enrollment: Enrollment) -> bool:
    """Whether no other step may count from the instants of its emails."""
    first, *later = (leg.wait for leg in enrollment.legs)
    return first.minutes is None and not any(wait.may_end_at_once for wait in later)


def _is_in_order(leg: Leg, explanation: Explanation) -> bool:
    instants = [push.until for push in explanation.pushes]
    assert leg.held is not None
    return instants[-1] == leg.held.send_at and all(one < next_ for one, next_ in pairwise(instants))


@given(world=any_worlds() | crowded() | shared_worlds())
def test_a_fresh_plan_is_explained_by_its_rules(world: World) -> None:
    """Every chain grows up to the time of its email, and nothing that was just planned is a mere promise."""
    planned = replace(world, enrollments=tuple(each for each in world.enrollments if not _holds(each)))
    after = planned.holding(planned.plan())

    for _, leg, explanation in explanations(after, planned_at=world.now):
        assert _is_in_order(leg, explanation)
        assert explanation.pushes[-1].constraint is not Constraint.KEPT


@given(data=st.data(), world=any_worlds() | shared_worlds())
def test_whatever_changed_every_chain_ends_at_its_email(data: st.DataObject, world: World) -> None:
    """Also of emails that today's rules would place elsewhere."""
    after = data.draw(changed(world.holding(world.plan())))

    for _, leg, explanation in explanations(after, planned_at=None):
        assert _is_in_order(leg, explanation)


def _holds(enrollment: Enrollment) -> bool:
    return any(leg.held is not None for leg in enrollment.legs)
