"""Times that somebody chooses: taken if and only if no rule speaks against them, and kept from then on."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.draft import Draft
from domain.enrollments import Enrollment
from domain.hand_set_times import obstacle, wanting
from domain.ids import EmailId, EnrollmentId
from domain.itineraries import Itinerary, Leg, MoveCause, PlannedEmail, Slot
from domain.plan import Plan
from domain.waits import Wait
from tests.domain.examples import examples
from tests.domain.planning_changes import changed
from tests.domain.planning_examples import every
from tests.domain.planning_limits import all_breaches, limited_worlds
from tests.domain.planning_rules import breaches, moved, window_day
from tests.domain.planning_world import World, crowded, email_of, worlds

# What moves emails for the sake of others, or of an earlier time.
_AT_WILL = {MoveCause.NARROWER_WINDOW, MoveCause.EARLIER, MoveCause.FAIR_SHARE}
MINUTE = timedelta(minutes=1)


def drafted(world: World) -> Draft:
    return Draft(
        world.enrollments,
        world.mailboxes,
        now=world.now,
        taken=world.taken,
        calendars={},
        starts=world.starts,
        layouts=world.layouts,
    )


@st.composite
def choices(draw: st.DrawFn, world: World) -> tuple[Enrollment, Leg, datetime]:
    """An email of *world*, which has a time, and another one for it: near to those of others, or any."""
    emails = [(each, leg) for each in world.enrollments for leg in each.legs if leg.held is not None]
    enrollment, leg = draw(st.sampled_from(emails))
    instants = [other.held.send_at for _, other in emails if other.held is not None]
    base = draw(st.sampled_from([world.now, *instants]))
    ahead = draw(st.sampled_from((0, 1, 10, 45, 600, 1440, 2880)) | st.integers(-300, 20_000))
    return enrollment, leg, base + ahead * MINUTE


def instead(world: World, chosen: Enrollment, leg: Leg, at: datetime) -> tuple[World, Plan]:
    """
    Everyone where they are, but *leg* of *chosen* at *at*.

    Its later steps, which would follow it, stay where they are as somebody else's, who waits for nothing.
    """
    number = chosen.legs.index(leg)
    cut = replace(chosen, legs=chosen.legs[: number + 1])
    later = replace(
        chosen,
        id=EnrollmentId(UUID(int=chosen.id.int + 500_000)),
        legs=tuple(each._replace(wait=Wait(0)) for each in chosen.legs[number + 1 :]),
        last_window_day=world.now.date() - timedelta(days=5),
        not_before=None,
    )
    there = replace(
        world,
        # No two emails of a mailbox leave within a second.
        mailboxes=tuple(
            replace(box, minimum_gap=max(box.minimum_gap, timedelta(seconds=1))) for box in world.mailboxes
        ),
        enrollments=(*(cut if each is chosen else each for each in world.enrollments), later),
    )
    itineraries = []
    for each in there.enrollments:
        emails = tuple(
            PlannedEmail(one, _at(world, cut, one, at) if one is leg else one.held) for one in each.legs
        )
        itineraries.append(Itinerary(each.id, each.mailbox_id, emails))
    return there, Plan(tuple(itineraries))


def _at(world: World, chosen: Enrollment, leg: Leg, at: datetime) -> Slot:
    assert leg.held is not None
    box = next(each for each in world.mailboxes if each.id == leg.held.mailbox_id)
    opened = window_day(chosen.calendar, at) or leg.held.window_day
    return Slot(box.id, at, opened, at.astimezone(box.zone).date())


def slot_of(made: Plan, email_id: EmailId) -> Slot | None:
    return next(
        email.slot for each in made.itineraries for email in each.emails if email.leg.email_id == email_id
    )


@examples(300)
@given(data=st.data(), world=worlds() | limited_worlds())
def test_a_time_is_taken_if_and_only_if_no_rule_breaks(data: st.DataObject, world: World) -> None:
    """Checked from first principles, for any email and any instant; and then the plan has it there."""
    # The rules do not count who is beside the plan against a day's variation.
    even = replace(world, mailboxes=tuple(replace(box, day_variation_percent=0) for box in world.mailboxes))
    held = even.holding(even.plan())
    if not any(leg.held for each in held.enrollments for leg in each.legs):
        return
    chosen, leg, at = data.draw(choices(held))
    asking = every(held, lambda each: wanting(each, email_of(leg), at) if each is chosen else each)

    found = obstacle(drafted(asking), email_of(leg), at)
    made = asking.plan()

    wrong = [each for each in all_breaches(*instead(held, chosen, leg, at)) if "exactly one" not in each]
    assert (found is None) == (wrong == [] and at > held.now), (found, wrong)
    assert all_breaches(asking, made) == []
    if found is None:
        slot = slot_of(made, email_of(leg))
        assert slot is not None
        assert slot.send_at == at
        others = [
            email
            for email in moved(made)
            if email.leg not in asking.enrollments[held.enrollments.index(chosen)].legs
        ]
        assert {email.moved_because for email in others} <= {MoveCause.NARROWER_WINDOW}


@given(data=st.data(), world=worlds() | crowded(), pulls_forward=st.booleans())
def test_a_time_that_was_chosen_moves_only_if_a_rule_breaks(
    data: st.DataObject, world: World, pulls_forward: bool
) -> None:
    """Not for an earlier time, nor at night, nor for a narrower window; others keep every rule around it."""
    held = world.holding(world.plan())
    marked = {
        email_of(leg)
        for each in held.enrollments
        for leg in each.legs
        if leg.held and data.draw(st.booleans())
    }

    def mark(each: Enrollment) -> Enrollment:
        legs = tuple(leg._replace(is_set_by_hand=leg.email_id in marked) for leg in each.legs)
        return replace(each, legs=legs, may_gain=True)

    after = every(data.draw(changed(held)), mark)

    made = after.plan(pulls_forward=pulls_forward)

    # At night whoever has not started may change the mailbox.
    wrong = [each for each in breaches(after, made) if not (pulls_forward and each.startswith("rule 6"))]
    assert wrong == []
    chosen = [email for email in moved(made) if email.leg.is_set_by_hand]
    assert {email.moved_because for email in chosen} & _AT_WILL == set()
