"""Rules that compare one plan with another: of the same world, or with a difference that must not matter."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from domain.plan import Plan
from domain.send_window import Calendar
from tests.domain.planning_rules import moved
from tests.domain.planning_world import BERLIN, World, enrolled, mailbox, sequence, slots_of

A_WEEK = timedelta(days=7)


def repeats(world: World, made: Plan, *, order: int) -> list[str]:
    """What is wrong with *made*, seen beside other plans of *world*, one of them read in another *order*."""
    held = world.holding(made)
    eager = replace(held, enrollments=tuple(replace(each, may_gain=True) for each in held.enrollments))
    return [
        *_depends_on_order(world, made, order),
        *restless(eager, made),
        *_is_changed_by_a_pause(held, made),
        *_is_delayed_by_others(world, made),
    ]


def _depends_on_order(world: World, made: Plan, order: int) -> Iterator[str]:
    """Rule 7: the same state gives the same plan, in whatever order it is read."""
    chance = Random(order)  # noqa: S311  # Any shuffling does.
    shuffled = replace(
        world,
        enrollments=tuple(chance.sample(world.enrollments, len(world.enrollments))),
        mailboxes=tuple(chance.sample(world.mailboxes, len(world.mailboxes))),
        taken=tuple(chance.sample(world.taken, len(world.taken))),
    )
    if shuffled.plan() != made:
        yield "rule 7 (deterministic): read in another order, the world gives another plan"


def restless(held: World, made: Plan) -> Iterator[str]:
    """Rule 8: where everyone holds what *made* says, planning again moves nothing."""
    again = held.plan()
    if moved(again) or again.shifts or _slots(again) != _slots(made):
        yield f"rule 8 (minimal movement): {moved(again)} and {again.shifts} moved without a change"


def _is_changed_by_a_pause(held: World, made: Plan) -> Iterator[str]:
    """Rule 11: all mailboxes paused and resumed at once, every email has the time that it had."""
    paused = available(held, is_available=False)
    resumed = available(paused.holding(paused.plan()), is_available=True).plan()
    if moved(resumed) or slots_of(resumed) != slots_of(made):
        yield f"rule 11 (pause): {moved(resumed)} moved, though no time passed"


def _is_delayed_by_others(world: World, made: Plan) -> Iterator[str]:
    """Rule 12: urgent contacts of a mailbox that is blocked change nothing for all others."""
    blocked = replace(mailbox(9), is_available=False)
    stuck = enrolled(3, sequence(8, Calendar(BERLIN), [blocked], priority=9), at=world.now - A_WEEK)
    beside = replace(world, mailboxes=(*world.mailboxes, blocked), enrollments=(*stuck, *world.enrollments))
    found = beside.plan()
    ids = {each.id for each in stuck}
    others = tuple(each for each in found.itineraries if each.enrollment_id not in ids)
    if others != made.itineraries or found.shifts != made.shifts:
        yield "rule 12 (independent): those of a blocked mailbox changed the plan of others"


def available(world: World, *, is_available: bool) -> World:
    boxes = tuple(replace(box, is_available=is_available) for box in world.mailboxes)
    return replace(world, mailboxes=boxes)


def _slots(made: Plan) -> list[object]:
    emails = ((each.mailbox_id, email) for each in made.itineraries for email in each.emails)
    return [(mailbox_id, email.slot, email.unplaced_reason) for mailbox_id, email in emails]
