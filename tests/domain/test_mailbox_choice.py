"""Which mailbox a contact is bound to, and when it is worth another one."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from domain.ids import EmailId
from domain.itineraries import MoveCause, Slot
from domain.plan import Taken
from domain.planning import plan
from tests.domain.planning_examples import NOW, OFFICE, causes, every, held_world
from tests.domain.planning_rules import breaches
from tests.domain.planning_world import enrolled, mailbox, sequence, slots_of


def test_the_mailbox_that_is_free_first_is_chosen_whatever_its_room() -> None:
    """One with a single place today comes before one with 500 places tomorrow."""
    small, big = mailbox(1, capacity=2), mailbox(2, capacity=500)
    today = [NOW + timedelta(hours=3, seconds=60 * number) for number in range(500)]
    taken = [Taken(EmailId(UUID(int=900 + n)), big.id, at) for n, at in enumerate(today)]
    taken.append(Taken(EmailId(UUID(int=5)), small.id, NOW + timedelta(hours=2)))

    made = plan(enrolled(2, sequence(1, OFFICE, [small, big]), at=NOW), [small, big], now=NOW, taken=taken)

    assert [(slot.mailbox_id, slot.send_day.day) for slot in slots_of(made)] == [(small.id, 23), (big.id, 24)]


def test_contacts_are_shared_in_proportion_to_what_is_left() -> None:
    """With most room first, mailboxes of 10, 20 and 30 end up with the same room left."""
    boxes = [mailbox(1, capacity=10), mailbox(2, capacity=20), mailbox(3, capacity=30)]

    made = plan(enrolled(30, sequence(1, OFFICE, boxes), at=NOW), boxes, now=NOW)

    counts = Counter(slot.mailbox_id for slot in slots_of(made))
    assert [box.daily_capacity - counts[box.id] for box in boxes] == [10, 10, 10]


def test_unavailable_mailboxes_are_not_chosen() -> None:
    """All contacts go to the one that can be used."""
    boxes = [replace(mailbox(1), is_available=False), mailbox(2)]

    made = plan(enrolled(3, sequence(1, OFFICE, boxes), at=NOW), boxes, now=NOW)

    assert {itinerary.mailbox_id for itinerary in made.itineraries} == {boxes[1].id}


def test_contacts_that_must_wait_do_not_mislead_the_others() -> None:
    """After one that may start in ten days only, the next still gets the mailbox that is free first."""
    boxes = [mailbox(1, capacity=1), mailbox(2, capacity=1)]
    first, second, third = enrolled(3, sequence(1, OFFICE, boxes), at=NOW)
    later = replace(first, not_before=NOW + timedelta(days=10))

    made = plan([later, second, third], boxes, now=NOW)

    assert [slot.send_day.day for slot in slots_of(made)] == [3, 23, 23]
    assert len({slot.mailbox_id for slot in slots_of(made)[1:]}) == 2


def test_a_bound_contact_keeps_its_mailbox_though_another_is_free_earlier() -> None:
    """Follow-ups come from the same sender."""
    held = held_world(31)
    boxes = (*held.mailboxes, mailbox(2))
    shared = sequence(1, OFFICE, boxes)
    both = replace(every(held, lambda each: replace(each, sequence=shared, may_gain=True)), mailboxes=boxes)

    made = both.plan()

    assert causes(made) == []


def test_a_rebalance_moves_only_who_gains_more_than_a_day() -> None:
    """Of four days' contacts on one mailbox, those of the third and fourth start today on the new one."""
    held = held_world(120)
    boxes = (*held.mailboxes, mailbox(2))
    shared = sequence(1, OFFICE, boxes)
    free = replace(
        every(held, lambda each: replace(each, sequence=shared, may_gain=True, may_change_mailbox=True)),
        mailboxes=boxes,
    )

    made = free.plan()

    assert breaches(free, made) == []
    assert causes(made) == [MoveCause.EARLIER] * 60
    per_day = Counter((slot.mailbox_id.int, slot.send_day.day) for slot in slots_of(made))
    assert per_day == {(1, 23): 30, (1, 24): 30, (2, 23): 30, (2, 24): 30}


def test_all_steps_change_the_mailbox_together() -> None:
    """A contact that starts earlier elsewhere takes its follow-ups along."""
    held = held_world(90, waits=(0, 1))
    boxes = (*held.mailboxes, mailbox(2))
    shared = sequence(1, OFFICE, boxes)
    free = replace(
        every(held, lambda each: replace(each, sequence=shared, may_change_mailbox=True)), mailboxes=boxes
    )

    made = free.plan()

    assert breaches(free, made) == []
    used = [{email.slot.mailbox_id for email in each.emails if email.slot} for each in made.itineraries]
    assert all(len(each) == 1 for each in used)
    assert set(causes(made)) == {MoveCause.EARLIER}


def test_with_no_other_mailbox_a_contact_stays_bound_to_its_own() -> None:
    """It may leave a mailbox that is unavailable, but there is none to go to."""
    held = held_world(1)
    stuck = replace(
        every(held, lambda each: replace(each, may_change_mailbox=True)),
        mailboxes=(replace(held.mailboxes[0], is_available=False),),
    )

    made = stuck.plan()

    assert made.itineraries[0].mailbox_id == held.mailboxes[0].id
    assert causes(made) == []


def test_a_place_that_somebody_gives_back_is_seen_by_who_comes_next() -> None:
    """One contact leaves Wednesday's place for an earlier one elsewhere; the next takes it, not Thursday."""
    boxes = tuple(mailbox(number, capacity=1) for number in (1, 2, 3))
    busy = {1: (0, 1, 3), 2: range(1, 10), 3: (0, 1, 2)}
    taken = tuple(
        Taken(EmailId(UUID(int=100 * box.id.int + day)), box.id, NOW + timedelta(days=day, hours=2))
        for box in boxes
        for day in busy[box.id.int]
    )
    first, second = enrolled(2, sequence(1, OFFICE, boxes), at=NOW)
    wednesday = NOW + timedelta(days=2, hours=2)
    slot = Slot(boxes[0].id, wednesday, wednesday.date(), wednesday.date())
    leaving = replace(
        first,
        mailbox_id=boxes[0].id,
        may_change_mailbox=True,
        legs=(first.legs[0]._replace(email_id=EmailId(UUID(int=1)), held=slot),),
    )

    made = plan([leaving, second], boxes, now=NOW, taken=taken)

    assert [(slot.mailbox_id.int, slot.send_day.day) for slot in slots_of(made)] == [(2, 23), (1, 25)]
