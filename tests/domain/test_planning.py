"""Plans whose every figure is known beforehand."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.ids import EmailId
from domain.itineraries import MoveCause, Slot
from domain.plan import Plan, Taken
from domain.planning import plan
from domain.send_window import Calendar
from tests.domain.planning_changes import passed
from tests.domain.planning_rules import breaches, moved
from tests.domain.planning_world import BERLIN, WORKDAYS, World, enrolled, hours, mailbox, sequence, slots_of

OFFICE = Calendar(BERLIN, hours((9, 0, 17, 0), days=WORKDAYS))
# Monday 2026-11-23, 07:00 in Berlin, before the window opens.
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
MONDAY = date(2026, 11, 23)


def walls(made: Plan, zone: ZoneInfo = BERLIN) -> list[str]:
    """When the emails leave, by the clock on the wall, soonest first."""
    return [
        f"{slot.send_at.astimezone(zone):%a %H:%M}"
        for slot in sorted(slots_of(made), key=lambda s: s.send_at)
    ]


def gaps(instants: Iterable[datetime]) -> set[timedelta]:
    ordered = sorted(instants)
    return {later - earlier for earlier, later in pairwise(ordered)}


def test_thirty_emails_in_eight_hours_leave_every_sixteen_minutes() -> None:
    """09:00–17:00 and a capacity of 30: 09:00, 09:16, … 16:44."""
    box = mailbox(1)

    made = plan(enrolled(30, sequence(1, OFFICE, [box]), at=NOW), [box], now=NOW)

    assert gaps(slot.send_at for slot in slots_of(made)) == {timedelta(minutes=16)}
    assert walls(made)[0] == "Mon 09:00"
    assert walls(made)[-1] == "Mon 16:44"


def test_thirty_emails_in_ten_hours_leave_every_twenty_minutes() -> None:
    """08:00–18:00 and a capacity of 30: 08:00, 08:20, … 17:40."""
    box, calendar = mailbox(1), Calendar(BERLIN, hours((8, 0, 18, 0)))

    made = plan(enrolled(30, sequence(1, calendar, [box]), at=NOW), [box], now=NOW)

    assert gaps(slot.send_at for slot in slots_of(made)) == {timedelta(minutes=20)}
    assert walls(made)[-1] == "Mon 17:40"


def test_ninety_contacts_are_shared_by_three_mailboxes_and_followed_up_at_the_same_times() -> None:
    """30 from each mailbox on days 0, +2 and +3, every 16 minutes; each contact keeps its mailbox."""
    boxes = [mailbox(number) for number in (1, 2, 3)]
    welcome = sequence(1, OFFICE, boxes)

    made = plan(enrolled(90, welcome, waits=(0, 2, 1), at=NOW), boxes, now=NOW)

    days = [MONDAY, MONDAY + timedelta(days=2), MONDAY + timedelta(days=3)]
    per_day = Counter((slot.mailbox_id, slot.send_day) for slot in slots_of(made))
    assert per_day == {(box.id, day): 30 for box in boxes for day in days}
    for box in boxes:
        for day in days:
            instants = [s.send_at for s in slots_of(made) if (s.mailbox_id, s.send_day) == (box.id, day)]
            assert gaps(instants) == {timedelta(minutes=16)}
    for itinerary in made.itineraries:
        slots = [email.slot for email in itinerary.emails if email.slot]
        assert {slot.mailbox_id for slot in slots} == {itinerary.mailbox_id}
        assert len({slot.send_at.astimezone(BERLIN).time() for slot in slots}) == 1


def test_the_mailbox_with_most_left_on_its_first_free_day_wins() -> None:
    """Of mailboxes with 200, 500 and 100 emails left today, the one with 500 is chosen."""
    boxes = [mailbox(1, capacity=200), mailbox(2, capacity=500), mailbox(3, capacity=100)]

    made = plan(enrolled(1, sequence(1, OFFICE, boxes), at=NOW), boxes, now=NOW)

    assert made.itineraries[0].mailbox_id == boxes[1].id


def test_capacities_of_all_mailboxes_add_up() -> None:
    """30 mailboxes of 1,000 send 30,000 a day: 50,000 contacts start within two days."""
    boxes = [mailbox(number, capacity=1000) for number in range(1, 31)]

    made = plan(enrolled(50_000, sequence(1, OFFICE, boxes), at=NOW), boxes, now=NOW)

    assert Counter(slot.send_day for slot in slots_of(made)) == {
        MONDAY: 30_000,
        MONDAY + timedelta(days=1): 20_000,
    }


def test_what_does_not_fit_today_goes_to_the_next_valid_day() -> None:
    """On a Friday with room for 30, the other 10 leave on Monday."""
    box, friday = mailbox(1), NOW + timedelta(days=4)

    made = plan(enrolled(40, sequence(1, OFFICE, [box]), at=friday), [box], now=friday)

    assert Counter(slot.send_day for slot in slots_of(made)) == {
        date(2026, 11, 27): 30,
        date(2026, 11, 30): 10,
    }


def test_enrolling_in_mid_window_uses_only_the_slots_ahead() -> None:
    """At 13:00, 15 of the 30 slots are still ahead; the other 15 contacts start tomorrow."""
    box, at_one = mailbox(1), NOW + timedelta(hours=6)

    made = plan(enrolled(30, sequence(1, OFFICE, [box]), at=at_one), [box], now=at_one)

    assert Counter(slot.send_day for slot in slots_of(made)) == {MONDAY: 15, MONDAY + timedelta(days=1): 15}
    assert walls(made)[0] == "Mon 13:00"


def test_a_narrow_window_gets_its_own_hour_from_emails_that_may_leave_at_another() -> None:
    """Four emails for 13–14 find its four slots held; those shift inside 09–17, with a cause."""
    box = mailbox(1, gap_s=960)
    wide = enrolled(25, sequence(1, OFFICE, [box]), at=NOW)
    narrow = enrolled(4, sequence(2, Calendar(BERLIN, hours((13, 0, 14, 0))), [box]), at=NOW)
    calendars = {box.id: [narrow[0].calendar]}
    first = World(NOW, (box,), tuple(wide))
    held = first.holding(plan(wide, [box], now=NOW, calendars=calendars))

    both = replace(held, enrollments=(*held.enrollments, *narrow))
    made = both.plan()

    assert breaches(both, made) == []
    assert {email.moved_because for email in moved(made)} == {MoveCause.NARROWER_WINDOW}
    assert [wall for wall in walls(made) if "13:" in wall] == [
        "Mon 13:00",
        "Mon 13:16",
        "Mon 13:32",
        "Mon 13:48",
    ]
    assert {slot.send_day for slot in slots_of(made)} == {MONDAY}


def test_an_email_that_is_about_to_leave_makes_no_place() -> None:
    """At 12:56 the slot of 13:00 is somebody's, whom the dispatcher may take up meanwhile: others shift."""
    box, soon = mailbox(1, gap_s=960), datetime(2026, 11, 23, 11, 56, tzinfo=UTC)
    wide = enrolled(25, sequence(1, OFFICE, [box]), at=NOW)
    narrow = enrolled(4, sequence(2, Calendar(BERLIN, hours((13, 0, 14, 0))), [box]), at=soon)
    first = World(NOW, (box,), tuple(wide))
    held = first.holding(plan(wide, [box], now=NOW, calendars={box.id: [narrow[0].calendar]}))
    held = passed(held, soon, missed=0, late=timedelta())

    made = replace(held, enrollments=(*held.enrollments, *narrow)).plan()

    ids = {each.id for each in narrow}
    starts = Plan(tuple(each for each in made.itineraries if each.enrollment_id in ids))
    assert walls(starts) == ["Mon 13:16", "Mon 13:32", "Mon 13:48", "Tue 13:00"]


def test_emails_outside_of_the_plan_make_place_for_a_narrower_window() -> None:
    """A taken slot shifts if its calendar is known, and stays if it is not."""
    box = mailbox(1, gap_s=3600)
    narrow = enrolled(1, sequence(1, Calendar(BERLIN, hours((13, 0, 14, 0))), [box]), at=NOW)
    at_one = NOW + timedelta(hours=6)
    calendars = {box.id: [OFFICE]}
    other = Taken(EmailId(UUID(int=5)), box.id, at_one)

    stays = plan(narrow, [box], now=NOW, taken=[other], calendars=calendars)
    shifts = plan(narrow, [box], now=NOW, taken=[replace(other, calendar=OFFICE)], calendars=calendars)

    assert walls(stays) == ["Tue 13:00"]
    assert stays.shifts == ()
    assert walls(shifts) == ["Mon 13:00"]
    assert [(s.email_id, s.mailbox_id, s.send_at) for s in shifts.shifts] == [
        (other.email_id, box.id, NOW + timedelta(hours=2))
    ]


def test_what_is_due_no_longer_makes_place() -> None:
    """At 13:00 the email of 13:00 stays, held or taken; the one for 13–14 leaves tomorrow."""
    box, at_one = mailbox(1, gap_s=3600), NOW + timedelta(hours=6)
    narrow = enrolled(1, sequence(2, Calendar(BERLIN, hours((13, 0, 14, 0))), [box]), at=NOW)
    due = Slot(box.id, at_one, MONDAY, MONDAY)
    (wide,) = enrolled(1, sequence(1, OFFICE, [box]), at=NOW)
    holding = replace(wide, mailbox_id=box.id, legs=(wide.legs[0]._replace(held=due),))
    taken = Taken(EmailId(UUID(int=5)), box.id, at_one, OFFICE)

    beside_held = plan([holding, *narrow], [box], now=at_one)
    beside_taken = plan(narrow, [box], now=at_one, taken=[taken], calendars={box.id: [OFFICE]})

    assert walls(beside_held) == ["Mon 13:00", "Tue 13:00"]
    assert walls(beside_taken) == ["Tue 13:00"]
    assert beside_taken.shifts == ()


def test_a_narrow_window_may_use_the_whole_capacity_beside_a_wide_one() -> None:
    """A sequence that sends around the clock does not leave a sequence of one hour without slots."""
    box = mailbox(1, capacity=5)
    narrow = enrolled(5, sequence(1, Calendar(BERLIN, hours((13, 0, 14, 0))), [box]), at=NOW)

    made = plan(narrow, [box], now=NOW, calendars={box.id: [Calendar(BERLIN)]})

    assert walls(made) == ["Mon 13:00", "Mon 13:12", "Mon 13:24", "Mon 13:36", "Mon 13:48"]


def test_high_priority_takes_the_earliest_slots_and_the_rest_is_spread() -> None:
    """Two urgent emails leave at 09:00 and 09:16, before those of ordinary priority."""
    box = mailbox(1)
    urgent = enrolled(2, sequence(1, OFFICE, [box], priority=1), at=NOW)
    ordinary = enrolled(2, sequence(2, OFFICE, [box]), at=NOW - timedelta(hours=1))

    made = plan([*ordinary, *urgent], [box], now=NOW)

    assert [itinerary.enrollment_id for itinerary in made.itineraries[:2]] == [each.id for each in urgent]
    assert walls(made) == ["Mon 09:00", "Mon 09:16", "Mon 09:32", "Mon 13:16"]


def test_high_priority_goes_on_in_a_narrow_window_that_lies_in_its_own() -> None:
    """Enrolled at 12:50, slots are two minutes apart: none is left out, nor taken from who needs it."""
    box, noon = mailbox(1), datetime(2026, 11, 23, 11, 50, tzinfo=UTC)
    urgent = enrolled(7, sequence(1, OFFICE, [box], priority=1), at=noon)
    narrow = enrolled(1, sequence(2, Calendar(BERLIN, hours((13, 0, 14, 0))), [box]), at=noon)

    made = plan([*urgent, *narrow], [box], now=noon)

    minutes = ("12:50", "12:52", "12:54", "12:56", "12:58", "13:00", "13:02", "13:04")
    assert walls(made) == [f"Mon {each}" for each in minutes]


def test_waits_count_from_the_day_in_the_zone_of_the_window() -> None:
    """For a contact in Auckland the wait of a day is a day in Auckland, whatever the mailbox's zone."""
    box, auckland = mailbox(1), ZoneInfo("Pacific/Auckland")
    served = sequence(1, Calendar(auckland, hours((9, 0, 10, 0))), [box])

    made = plan(enrolled(1, served, waits=(0, 1, 1), at=NOW), [box], now=NOW)

    assert walls(made, auckland) == ["Tue 09:00", "Wed 09:00", "Thu 09:00"]
    assert [slot.window_day for slot in slots_of(made)] == [date(2026, 11, day) for day in (24, 25, 26)]
    assert [slot.send_day for slot in slots_of(made)] == [date(2026, 11, day) for day in (23, 24, 25)]


def test_a_window_over_midnight_counts_as_the_day_on_which_it_opened() -> None:
    """Enrolled at 00:30 in a window of 22:00–02:00: the follow-up leaves in the next evening's window."""
    box, night = mailbox(1, capacity=4), Calendar(BERLIN, hours((22, 0, 2, 0)))
    half_past_midnight = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)

    made = plan(
        enrolled(1, sequence(1, night, [box]), waits=(0, 1), at=half_past_midnight),
        [box],
        now=half_past_midnight,
    )

    assert walls(made) == ["Tue 01:00", "Tue 22:00"]
    assert [slot.window_day for slot in slots_of(made)] == [MONDAY, MONDAY + timedelta(days=1)]
    assert [slot.send_day for slot in slots_of(made)] == [MONDAY + timedelta(days=1)] * 2
