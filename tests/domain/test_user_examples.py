"""The figures by which users judge a plan: emails a day, an hour and a mailbox, and how far apart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from domain.ids import EmailId
from domain.mailboxes import Mailbox
from domain.plan import Plan, Taken
from domain.planning import plan
from domain.rates import Rate, RateKind
from domain.send_window import Calendar
from tests.domain.planning_world import BERLIN, enrolled, hours, mailbox, sequence, slots_of

# Monday 2026-11-23, 07:00 in Berlin, before any window opens.
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
MONDAY = NOW.date()
DAY = timedelta(days=1)
OFFICE = Calendar(BERLIN, hours((9, 0, 17, 0)))
LONG_DAY = Calendar(BERLIN, hours((8, 0, 20, 0)))


def planned(
    contacts: int, boxes: Sequence[Mailbox], calendar: Calendar = OFFICE, *, waits: tuple[int, ...] = (0,)
) -> Plan:
    return plan(enrolled(contacts, sequence(1, calendar, boxes), waits=waits, at=NOW), boxes, now=NOW)


def by_day(made: Plan) -> list[int]:
    """How many emails leave on the first day, the second, and so on."""
    days = Counter(slot.send_day for slot in slots_of(made))
    return [days[MONDAY + number * DAY] for number in range((max(days) - MONDAY).days + 1)]


@pytest.mark.parametrize(("opens", "closes", "minutes"), [(8, 18, 20), (9, 17, 16)])
def test_thirty_a_day_leave_at_one_interval(opens: int, closes: int, minutes: int) -> None:
    """Ten hours make one every 20 minutes, eight one every 16; the first when the window opens."""
    made = planned(30, [mailbox(1)], Calendar(BERLIN, hours((opens, 0, closes, 0))))

    instants = sorted(slot.send_at for slot in slots_of(made))
    assert {later - earlier for earlier, later in pairwise(instants)} == {timedelta(minutes=minutes)}
    assert instants[0].astimezone(BERLIN).hour == opens


def test_ninety_contacts_leave_through_three_mailboxes_on_one_day() -> None:
    """30 through each of them."""
    boxes = [mailbox(number) for number in (1, 2, 3)]

    made = planned(90, boxes)

    assert by_day(made) == [90]
    assert Counter(slot.mailbox_id for slot in slots_of(made)) == {box.id: 30 for box in boxes}


def test_thirty_mailboxes_of_a_thousand_send_thirty_thousand_a_day() -> None:
    """2,500 an hour in twelve hours; 50,000 contacts are through on the second day, 100,000 on the fourth."""
    made = planned(100_000, [mailbox(number, capacity=1000) for number in range(1, 31)], LONG_DAY)

    assert by_day(made) == [30_000, 30_000, 30_000, 10_000]
    slots = [each.emails[0].slot for each in made.itineraries]
    assert max(slot.send_day for slot in slots[:50_000] if slot) == MONDAY + DAY
    of_monday = (slot.send_at for slot in slots if slot and slot.send_day == MONDAY)
    per_hour = Counter(instant.astimezone(BERLIN).hour for instant in of_monday)
    # A mailbox has 83 or 84 slots an hour.
    assert sorted(per_hour) == list(range(8, 20))
    assert all(30 * 83 <= count <= 30 * 84 for count in per_hour.values())


def test_two_in_half_an_hour_are_at_most_96_a_day() -> None:
    """A sliding window of 30 minutes around the clock, whatever else the mailbox may send."""
    half_an_hour = Rate(RateKind.SLIDING, most=2, span=timedelta(minutes=30))
    box = replace(mailbox(1, capacity=0), rates=(half_an_hour,))

    made = planned(200, [box], Calendar(BERLIN))

    # Seven hours of Monday have gone by.
    assert by_day(made) == [17 * 4, 96, 200 - 17 * 4 - 96]
    instants = sorted(slot.send_at for slot in slots_of(made))
    assert all(
        third - first >= timedelta(minutes=30) for first, third in zip(instants, instants[2:], strict=False)
    )


def test_the_mailbox_that_has_most_left_today_is_chosen() -> None:
    """Of 200, 500 and 100 left the 500, though the first has the largest capacity."""
    boxes = [mailbox(number, capacity=capacity) for number, capacity in ((1, 1000), (2, 600), (3, 100))]
    used = slots_of(planned(800, boxes[:1])) + slots_of(planned(100, boxes[1:2]))
    taken = [
        Taken(EmailId(UUID(int=number)), slot.mailbox_id, slot.send_at) for number, slot in enumerate(used)
    ]
    (person,) = enrolled(1, sequence(2, OFFICE, boxes), at=NOW)

    made = plan([person], boxes, now=NOW, taken=taken)

    assert made.itineraries[0].mailbox_id == boxes[1].id


def test_what_exceeds_the_capacity_leaves_on_the_next_valid_day() -> None:
    """On a Friday with room for 30 of 40, ten leave on Monday: nothing is lost, nothing on the weekend."""
    box, friday = mailbox(1), NOW + 4 * DAY
    workdays = Calendar(BERLIN, hours((9, 0, 17, 0), days=range(1, 6)))

    made = plan(enrolled(40, sequence(1, workdays, [box]), at=friday), [box], now=friday)

    assert by_day(made) == [0, 0, 0, 0, 30, 0, 0, 10]


def test_follow_ups_are_not_kept_waiting_by_contacts_who_come_later() -> None:
    """The 30 who came first have the days of a plan of their own, each step when its wait is over."""
    waits = (0, 2, 1)
    alone, crowded = planned(30, [mailbox(1)], waits=waits), planned(300, [mailbox(1)], waits=waits)

    assert max(by_day(crowded)) == 30
    days = [[email.slot.window_day for email in each.emails if email.slot] for each in crowded.itineraries]
    assert days[:30] == [[MONDAY, MONDAY + 2 * DAY, MONDAY + 3 * DAY]] * 30
    assert days[:30] == [
        [email.slot.window_day for email in each.emails if email.slot] for each in alone.itineraries
    ]
    # Whoever is placed has reserved all steps, so that even the last one is followed up within days.
    assert all(third - first <= 5 * DAY for first, _, third in days)
