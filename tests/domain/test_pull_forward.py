"""Pulling forward: who takes a place that became free, and how far one free place reaches."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import EmailId
from domain.itineraries import MoveCause
from domain.plan import Plan, Taken
from domain.planning import plan
from domain.send_window import Calendar
from tests.domain.planning_examples import NOW, every
from tests.domain.planning_limits import all_breaches, limited_worlds
from tests.domain.planning_rules import moved
from tests.domain.planning_world import (
    BERLIN,
    World,
    enrolled,
    hours,
    mailbox,
    sequence,
    worlds,
)

DAY = timedelta(days=1)
DAILY = Calendar(BERLIN, hours((9, 0, 17, 0)))


def night(world: World) -> Plan:
    return plan(
        world.enrollments,
        world.mailboxes,
        now=world.now,
        taken=world.taken,
        starts=world.starts,
        pulls_forward=True,
    )


def at_night(world: World) -> World:
    """*world*, in which whoever has not started may get another mailbox."""
    return every(world, lambda each: replace(each, may_change_mailbox=each.last_window_day is None))


def one_a_day(contacts: int, *, waits: tuple[int, ...] = (0,)) -> World:
    """A mailbox of one email a day, and contacts who are planned for one day after the other."""
    box = mailbox(1, capacity=1)
    people = enrolled(contacts, sequence(1, DAILY, [box]), waits=waits, at=NOW)
    fresh = World(NOW, (box,), tuple(people))
    return fresh.holding(fresh.plan())


def without(world: World, *numbers: int) -> World:
    """*world* in which those contacts, counted from 0, have ended."""
    left = tuple(each for at, each in enumerate(world.enrollments) if at not in numbers)
    return replace(world, enrollments=left)


def days(made: Plan) -> list[date]:
    return [email.slot.send_day for each in made.itineraries for email in each.emails if email.slot]


def test_a_free_place_is_used_once_and_the_place_that_this_frees_once_more() -> None:
    """Monday is free: Wednesday moves there, Friday to Wednesday, and Friday stays empty for this night."""
    world = without(one_a_day(9), 0)
    monday = NOW.date()

    made = night(world)

    assert days(made) == [monday + ahead * DAY for ahead in (1, 0, 3, 2, 5, 6, 7, 8)]
    assert [email.moved_because for email in moved(made)] == [MoveCause.EARLIER] * 2


def test_a_start_that_became_free_is_passed_on_once() -> None:
    """As a place in a mailbox is; the mailbox itself has room for everyone on every day."""
    box = mailbox(1)
    limited = replace(sequence(1, DAILY, [box]), max_new_contacts_per_day=1)
    fresh = World(NOW, (box,), tuple(enrolled(9, limited, at=NOW)))

    made = night(without(fresh.holding(fresh.plan()), 0))

    assert days(made) == [NOW.date() + ahead * DAY for ahead in (1, 0, 3, 2, 5, 6, 7, 8)]


def test_a_place_under_a_domains_cap_is_passed_on_once() -> None:
    """One email a day may go to each of two domains: a hole of one of them moves two of its contacts."""
    box = replace(mailbox(1), recipient_domain_daily_cap=1)
    people = enrolled(18, sequence(1, DAILY, [box]), at=NOW)
    domains = ("example.com", "example.org")
    split = [replace(each, recipient_domain=domains[at % 2]) for at, each in enumerate(people)]
    fresh = World(NOW, (box,), tuple(split))

    made = night(without(fresh.holding(fresh.plan()), 0))

    assert days(made)[1::2] == [NOW.date() + ahead * DAY for ahead in (1, 0, 3, 2, 5, 6, 7, 8)]
    assert len(moved(made)) == 2


def test_the_next_night_goes_on_where_the_bound_left_off() -> None:
    """Friday is free now: Sunday moves there, Tuesday to Sunday; on the third night nobody gains two days."""
    first = without(one_a_day(9), 0)
    second = first.holding(night(first))

    made = night(second)
    third = second.holding(made)

    assert days(made) == [NOW.date() + ahead * DAY for ahead in (1, 0, 3, 2, 5, 4, 7, 6)]
    assert moved(night(third)) == []


def test_an_earlier_time_of_a_day_is_not_worth_a_move() -> None:
    """Tuesday would gain Monday, one day: it stays."""
    assert moved(night(without(one_a_day(2), 0))) == []


def test_whom_an_email_was_sent_to_is_left_alone() -> None:
    """Its follow-up could leave three days earlier, and stays where it was promised."""
    world = one_a_day(1, waits=(0, 5))
    sent = every(world, lambda each: replace(each, legs=each.legs[1:], last_window_day=NOW.date() - 4 * DAY))

    assert moved(night(sent)) == []


def test_steps_come_along_as_far_as_they_gain() -> None:
    """The first step gains two days, and the follow-up, three days after it, as many."""
    world = without(one_a_day(3, waits=(0, 3)), 0, 1)
    monday = NOW.date()

    made = night(world)

    assert [email.leg.held.send_day for email in moved(made) if email.leg.held] == [
        monday + 2 * DAY,
        monday + 5 * DAY,
    ]
    assert days(made) == [monday, monday + 3 * DAY]


def two_mailboxes() -> World:
    """
    One email a day from each of two mailboxes, whose first three and four days are taken.

    Two contacts of a sequence that both serve have the fourth and fifth day of the first one.
    """
    boxes = (mailbox(1, capacity=1), mailbox(2, capacity=1))
    alone = [
        each
        for at, (box, number) in enumerate(zip(boxes, (3, 4), strict=True), 1)
        for each in enrolled(number, sequence(at, DAILY, [box]), at=NOW)
    ]
    fresh = World(NOW, boxes, tuple(alone))
    held = fresh.holding(fresh.plan())
    shared = enrolled(2, sequence(3, DAILY, boxes), at=NOW)
    joined = replace(held, enrollments=(*held.enrollments, *shared))
    return joined.holding(joined.plan())


def test_a_place_in_another_mailbox_is_worth_as_much() -> None:
    """All but the first day of the second mailbox become free: whoever waits in the first goes there."""
    world = two_mailboxes()

    made = night(without(world, 4, 5, 6))

    assert [each.mailbox_id for each in world.enrollments[-2:]] == [world.mailboxes[0].id] * 2
    assert [each.mailbox_id for each in made.itineraries[-2:]] == [world.mailboxes[1].id] * 2
    assert days(made)[-2:] == [NOW.date() + ahead * DAY for ahead in (1, 2)]
    assert {email.moved_because for email in moved(made)} == {MoveCause.EARLIER}


def test_nobody_leaves_a_mailbox_where_a_later_step_would_lose() -> None:
    """In the other mailbox the first step could leave three days earlier, and the second two days later."""
    boxes = (mailbox(1, capacity=1), mailbox(2, capacity=1))
    two_steps = sequence(1, DAILY, boxes)
    monday = Calendar(BERLIN).spans(NOW.date())[0].start + timedelta(hours=9)
    others = [
        Taken(EmailId(UUID(int=number)), box.id, monday + day * DAY)
        for number, (box, day) in enumerate(
            [*((boxes[0], day) for day in range(3)), *((boxes[1], day) for day in range(10))]
        )
    ]
    fresh = World(NOW, boxes, tuple(enrolled(1, two_steps, waits=(0, 4), at=NOW)), tuple(others))
    held = fresh.holding(fresh.plan())

    made = night(replace(held, taken=tuple(each for each in others if each != others[3])))

    assert days(made) == [NOW.date() + ahead * DAY for ahead in (3, 7)]
    assert moved(made) == []


@given(data=st.data(), world=worlds() | limited_worlds())
def test_a_night_moves_only_to_gain_more_than_a_day(data: st.DataObject, world: World) -> None:
    """Whoever ends meanwhile: every rule holds, whoever was written to stays, and each move gains."""
    held = world.holding(world.plan())
    ended = data.draw(st.sets(st.integers(0, len(held.enrollments) - 1)))
    after = without(held, *ended)

    made = night(after)

    assert all_breaches(at_night(after), made) == []
    for email in moved(made):
        if email.moved_because is not MoveCause.NARROWER_WINDOW:
            assert email.moved_because is MoveCause.EARLIER
            assert email.slot is not None
            assert email.leg.held is not None
            gain = email.leg.held.window_day - email.slot.window_day
            has_left = email.slot.mailbox_id != email.leg.held.mailbox_id and email.leg.position > 1
            assert gain >= timedelta() if has_left else gain > DAY


@given(
    data=st.data(),
    contacts=st.integers(1, 40),
    capacity=st.integers(1, 4),
    caps=st.lists(st.none() | st.integers(1, 2), min_size=1, max_size=2),
)
def test_one_free_place_moves_at_most_two_emails(
    data: st.DataObject, contacts: int, capacity: int, caps: list[int | None]
) -> None:
    """In mailboxes that are full from the first day on, under any cap, and whatever places become free."""
    boxes = tuple(
        replace(mailbox(number, capacity=capacity), recipient_domain_daily_cap=cap)
        for number, cap in enumerate(caps, 1)
    )
    people = (
        replace(each, recipient_domain=data.draw(st.sampled_from(("example.com", "example.org", None))))
        for each in enrolled(contacts, sequence(1, DAILY, boxes), at=NOW)
    )
    world = World(NOW, boxes, tuple(people))
    held = world.holding(world.plan())
    # The last day may not be full, but nobody is behind it.
    ended = data.draw(st.sets(st.integers(0, contacts - 1)))
    after = without(held, *ended)

    assert len(moved(night(after))) <= 2 * len(ended)


@given(data=st.data(), world=worlds() | limited_worlds())
def test_nights_come_to_rest(data: st.DataObject, world: World) -> None:
    """Without a change some night moves nothing, and the next one neither."""
    held = world.holding(world.plan())
    after = without(held, *data.draw(st.sets(st.integers(0, len(held.enrollments) - 1))))

    for _ in range(60):
        made = night(after)
        after = after.holding(made)
        if not moved(made):
            break

    assert moved(night(after)) == []
