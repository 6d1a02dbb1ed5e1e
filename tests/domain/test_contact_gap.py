"""Days between the emails that different enrollments send to one contact."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from domain.contact_gap import ContactGap
from domain.draft import Draft
from domain.explanation import Explanation, explain
from domain.hand_set_times import Obstacle, obstacle, wanting
from domain.ids import EmailId
from domain.itineraries import MoveCause, UnplacedReason
from domain.layouts import Layouts
from domain.plan import Plan
from domain.sequences import Sequence
from domain.surroundings import Surroundings
from tests.domain.planning_contacts import ENDED, contacts_of, with_gap, with_taken
from tests.domain.planning_examples import NOW, OFFICE, berlin, causes, every
from tests.domain.planning_rules import moved
from tests.domain.planning_world import World, email_of, enrolled, mailbox, sequence

BOX = mailbox(1)


def office(number: int, *, priority: int = 0) -> Sequence:
    return sequence(number, OFFICE, [BOX], priority=priority)


def shared_world(*sequences: Sequence, days: int, waits: tuple[int, ...] = (0,), number: int = 1) -> World:
    """*number* contacts, each of them in all of *sequences*, to whom emails are to be *days* apart."""
    everyone = [each for one in sequences for each in enrolled(number, one, waits=waits, at=NOW)]
    gap = ContactGap(days, contacts_of(everyone), {})
    return World(NOW, (BOX,), tuple(everyone), contact_gap=gap)


def days(made: Plan) -> list[list[int]]:
    """The days of November 2026 on which the emails of each itinerary leave, and on from there."""
    return [
        [(email.slot.window_day - date(2026, 10, 31)).days for email in itinerary.emails if email.slot]
        for itinerary in made.itineraries
    ]


def test_two_sequences_write_to_a_contact_days_apart() -> None:
    """The one that is planned first has Monday and Wednesday; the other one keeps away from both."""
    assert days(shared_world(office(1), office(2), days=2, waits=(0, 2)).plan()) == [[23, 25], [27, 29]]


def test_a_gap_of_one_day_keeps_two_emails_from_one_day() -> None:
    """Days of different sequences may follow each other."""
    made = shared_world(office(1), office(2), days=1, waits=(0, 2)).plan()

    assert days(made) == [[23, 25], [24, 26]]


def test_the_gap_is_kept_before_an_email_as_well_as_after_it() -> None:
    """Something leaves on Wednesday, and Monday is too close before it."""
    world = shared_world(office(1), days=3)
    assert world.contact_gap is not None
    gap = with_taken(world.contact_gap, world.enrollments[0], date(2026, 11, 25), of=ENDED)

    assert days(replace(world, contact_gap=gap).plan()) == [[28]]


def test_its_own_emails_are_no_reason_to_wait() -> None:
    """Between the steps of one enrollment there are their waits, also after what left already."""
    world = shared_world(office(1), days=30, waits=(0, 1))
    assert world.contact_gap is not None
    gap = with_taken(world.contact_gap, world.enrollments[0], date(2026, 11, 22))

    assert days(replace(world, contact_gap=gap).plan()) == [[23, 24]]


@pytest.mark.parametrize("urgent", [1, 2])
def test_urgent_sequences_neither_wait_nor_make_wait(urgent: int) -> None:
    """A confirmation leaves at once, and a campaign is not put off by it."""
    one, other = (office(number, priority=int(number == urgent)) for number in (1, 2))

    assert days(shared_world(one, other, days=5, waits=(0, 2)).plan()) == [[23, 25], [23, 25]]


def test_who_is_in_one_sequence_alone_does_not_wait() -> None:
    """Of two contacts in each sequence only the first is the same person."""
    world = shared_world(office(1), office(2), days=7, number=2)
    assert world.contact_gap is not None
    first, _, again, _ = world.enrollments
    contacts = {each.id: world.contact_gap.contacts[each.id] for each in (first, again)}

    made = replace(world, contact_gap=replace(world.contact_gap, contacts=contacts)).plan()

    assert days(made) == [[23], [23], [30], [23]]


def test_a_raised_gap_moves_only_what_it_breaks() -> None:
    """Whoever is planned first keeps the time, and so does the third, which is far enough from it."""
    held = shared_world(office(1), office(2), office(3), days=1)
    held = held.holding(held.plan())

    made = with_gap(held, 2).plan()

    assert days(held.plan()) == [[23], [24], [25]]
    assert days(made) == [[23], [27], [25]]
    assert causes(made) == [MoveCause.CONTACT_MIN_GAP]


def test_a_lower_gap_moves_only_those_who_may_gain() -> None:
    """By more than a day, as for every earlier time."""
    held = shared_world(office(1), office(2), days=4)
    held = held.holding(held.plan())
    eager = every(held, lambda each: replace(each, may_gain=True))

    assert days(held.plan()) == [[23], [27]]
    assert moved(with_gap(held, 0).plan()) == []
    assert moved(with_gap(eager, 3).plan()) == []
    assert days(with_gap(eager, 0).plan()) == [[23], [23]]
    assert causes(with_gap(eager, 0).plan()) == [MoveCause.EARLIER]


def test_an_email_that_only_the_gap_keeps_from_a_slot_says_so() -> None:
    """Where the dates leave it no slot either way, they are the reason."""
    brief = replace(OFFICE, last_date=date(2026, 11, 24))
    world = shared_world(office(1), sequence(2, brief, [BOX]), days=4)
    over = replace(world, now=NOW + timedelta(days=2))

    reasons = [each.plan().itineraries[1].emails[0].unplaced_reason for each in (world, over)]

    assert reasons == [UnplacedReason.CONTACT_MIN_GAP, UnplacedReason.AFTER_LAST_DATE]


def test_a_batch_keeps_the_gap_and_its_pace() -> None:
    """Who is put off leaves on the first day that is far enough, as soon as the pace allows."""
    batch = replace(office(2), pace=timedelta(hours=1))
    world = shared_world(office(1), batch, days=3, number=3)
    assert world.contact_gap is not None
    gap = world.contact_gap
    for each in world.enrollments[4:]:
        gap = with_taken(gap, each, date(2026, 11, 23), of=ENDED)

    made = replace(world, enrollments=world.enrollments[3:], contact_gap=gap).plan()

    assert [berlin(each) for each in made.itineraries] == [["Mon 09:00"], ["Thu 09:00"], ["Thu 10:00"]]


def test_a_time_by_hand_keeps_the_gap() -> None:
    """A time too close to what another sequence sends is refused for that reason."""
    held = shared_world(office(1), office(2), days=3)
    held = held.holding(held.plan())
    email_id = email_of(held.enrollments[1].legs[0])
    wednesday, friday = (NOW + timedelta(days=ahead, hours=4) for ahead in (2, 4))

    assert _obstacle(held, email_id, wednesday) is Obstacle.CONTACT_MIN_GAP
    assert _obstacle(held, email_id, friday) is None


def _obstacle(world: World, email_id: EmailId, send_at: datetime) -> Obstacle | None:
    draft = Draft(
        [wanting(each, email_id, send_at) for each in world.enrollments],
        world.mailboxes,
        now=world.now,
        taken=(),
        calendars={},
        starts={},
        layouts=Layouts(),
        contact_gap=world.contact_gap,
    )
    return obstacle(draft, email_id, send_at)


@pytest.mark.parametrize("pace", [None, timedelta(hours=1)])
def test_the_explanation_names_the_gap_and_its_end(pace: timedelta | None) -> None:
    """Until the day begins that is far enough from what the other enrollment sends."""
    held = shared_world(office(1), replace(office(2), pace=pace), days=3)
    assert held.contact_gap is not None
    gap = with_taken(held.contact_gap, held.enrollments[1], date(2026, 11, 23), of=ENDED)
    held = replace(held, enrollments=held.enrollments[1:], contact_gap=gap)
    held = held.holding(held.plan())

    explained = _explained(held)

    assert [(str(push.constraint), f"{push.until:%a %H:%M}", push.detail) for push in explained.pushes] == [
        ("ENROLLED", "Mon 06:00", "the contact was enrolled"),
        ("CONTACT_MIN_GAP", "Wed 23:00", "3 days from the email of another enrollment on 2026-11-23"),
        ("WINDOW", "Thu 08:00", "the next window opens on 2026-11-26"),
    ]


def _explained(world: World) -> Explanation:
    [enrollment] = world.enrollments
    around = Surroundings(BOX, (OFFICE,), contact_gap=world.contact_gap)
    return explain(enrollment, enrollment.legs[0], surroundings=around)
