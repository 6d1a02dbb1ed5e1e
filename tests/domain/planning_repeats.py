"""Rules that compare one plan with another: of the same world, or with a difference that must not matter."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TypeVar

from domain.layouts import Layouts
from domain.plan import Plan
from domain.send_window import Calendar
from tests.domain.planning_rules import moved
from tests.domain.planning_world import BERLIN, World, enrolled, mailbox, sequence

T = TypeVar("T")
A_WEEK = timedelta(days=7)


def repeats(world: World, made: Plan, *, order: int) -> list[str]:
    """What is wrong with *made*, seen beside other plans of *world*, one of them read in another *order*."""
    return [*_depends_on_others(world, made, order), *_is_changed_by_a_pause(world.holding(made), made)]


def _depends_on_others(world: World, made: Plan, order: int) -> Iterator[str]:
    """
    Rules 7 and 12: the same state gives the same plan, in whatever order it is read and laid out anew.

    Nor do urgent contacts of a mailbox that is blocked change anything for all others.
    """
    blocked = replace(mailbox(9), is_available=False)
    stuck = enrolled(3, sequence(8, Calendar(BERLIN), [blocked], priority=9), at=world.now - A_WEEK)
    chance = Random(order)  # noqa: S311  # Any shuffling does.
    found = replace(
        world,
        enrollments=_shuffled((*stuck, *world.enrollments), chance),
        mailboxes=_shuffled((*world.mailboxes, blocked), chance),
        taken=_shuffled(world.taken, chance),
        layouts=Layouts(),
    ).plan()
    ids = {each.id for each in stuck}
    others = tuple(each for each in found.itineraries if each.enrollment_id not in ids)
    if others != made.itineraries or found.shifts != made.shifts:
        yield "rules 7 and 12: read in another order, beside contacts who are stuck, it is another plan"


def _shuffled(things: Sequence[T], chance: Random) -> tuple[T, ...]:
    return tuple(chance.sample(things, len(things)))


def restless(held: World, made: Plan) -> Iterator[str]:
    """Rule 8: where everyone holds what *made* says, planning again moves nothing."""
    again = held.plan()
    if moved(again) or again.shifts or _slots(again) != _slots(made):
        yield f"rule 8 (minimal movement): {moved(again)} and {again.shifts} moved without a change"


def _is_changed_by_a_pause(held: World, made: Plan) -> Iterator[str]:
    """
    Rules 8 and 11: all mailboxes paused and resumed at once, every email has the time that it had.

    Nobody moves though everyone might, for an earlier slot.
    """
    paused = available(held, is_available=False)
    resumed = available(paused.holding(paused.plan()), is_available=True)
    eager = replace(resumed, enrollments=tuple(replace(each, may_gain=True) for each in resumed.enrollments))
    yield from restless(eager, made)


def available(world: World, *, is_available: bool) -> World:
    boxes = tuple(replace(box, is_available=is_available) for box in world.mailboxes)
    return replace(world, mailboxes=boxes)


def _slots(made: Plan) -> list[object]:
    emails = ((each.mailbox_id, email) for each in made.itineraries for email in each.emails)
    return [(mailbox_id, email.slot, email.unplaced_reason) for mailbox_id, email in emails]
