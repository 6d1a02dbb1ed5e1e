"""Why an email has its time: each constraint with the instant that it pushed to."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from domain.enrollments import Enrollment
from domain.explanation import Explanation, days_between, explain
from domain.ids import EmailId
from domain.itineraries import Leg, Slot, UnplacedReason
from domain.plan import Taken
from domain.pushes import Constraint
from domain.send_window import Calendar
from domain.surroundings import Surroundings
from domain.waits import Wait
from tests.domain.planning_examples import NOW, OFFICE
from tests.domain.planning_world import BERLIN, enrolled, hours, mailbox, sequence

BOX = mailbox(1)
SATURDAY = datetime(2026, 11, 21, 10, tzinfo=UTC)
MIDWEEK = Calendar(BERLIN, hours((9, 0, 17, 0), days={3, 4, 5}))
THURSDAY = date(2026, 11, 26)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of November 2026 by the clock in Berlin."""
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def slot(moment: datetime) -> Slot:
    day = moment.astimezone(BERLIN).date()
    return Slot(BOX.id, moment, day, day)


def one(
    calendar: Calendar, held: datetime | None, *, wait: int = 0, since: datetime = NOW, priority: int = 0
) -> Enrollment:
    """A contact with one email to come, at *held*."""
    [enrollment] = enrolled(1, sequence(1, calendar, [BOX], priority=priority), waits=(wait,), at=since)
    [leg] = enrollment.legs
    return replace(enrollment, legs=(leg._replace(held=None if held is None else slot(held)),))


def taken(*moments: datetime) -> tuple[Taken, ...]:
    return tuple(Taken(EmailId(UUID(int=7000 + n)), BOX.id, each) for n, each in enumerate(moments))


def wall(explanation: Explanation) -> list[tuple[str, str]]:
    """Constraints, and the instants that they pushed to by the clock in Berlin."""
    return [
        (str(push.constraint), f"{push.until.astimezone(BERLIN):%a %H:%M}") for push in explanation.pushes
    ]


def explained(
    enrollment: Enrollment, *others: datetime, counted: dict[date, int] | None = None
) -> Explanation:
    around = Surroundings(BOX, (enrollment.calendar,), taken(*others), counted)
    return explain(enrollment, enrollment.legs[-1], surroundings=around)


def test_wait_window_full_mailbox_and_taken_slot_are_named_in_order() -> None:
    """Three days after Saturday is Tuesday; the window opens on Wednesday, which is full; 09:00 is taken."""
    enrollment = one(MIDWEEK, at(26, 9, 16), wait=3, since=SATURDAY)

    found = explained(enrollment, at(26, 9), counted={date(2026, 11, 25): 30})

    assert wall(found) == [
        ("ENROLLED", "Sat 11:00"),
        ("WAIT", "Tue 00:00"),
        ("WINDOW", "Wed 09:00"),
        ("MAILBOX_FULL", "Thu 09:00"),
        ("SLOT_TAKEN", "Thu 09:16"),
    ]
    assert [push.detail for push in found.pushes] == [
        "the contact was enrolled",
        "3 days after 2026-11-21",
        "the next window opens on 2026-11-25",
        "full on 2026-11-25",
        "from 08:00 UTC on other emails leave",
    ]


def test_who_gave_way_goes_from_then_on() -> None:
    """Places before it was displaced are not its own any more; its follow-ups count from the step before."""
    first, *_ = one(OFFICE, at(26, 9), since=SATURDAY).legs
    later = Leg(first.step_id, 2, Wait(1), held=slot(at(27, 9)))
    enrollment = replace(one(OFFICE, None, since=SATURDAY), legs=(first, later), displaced_at=at(25, 18))
    around = Surroundings(BOX, (OFFICE,), taken(at(26, 9)))

    found = [explain(enrollment, leg, surroundings=around, planned_at=at(25, 18)) for leg in enrollment.legs]

    assert wall(found[0])[:3] == [
        ("ENROLLED", "Sat 11:00"),
        ("FAIR_SHARE", "Wed 18:00"),
        ("WINDOW", "Thu 09:00"),
    ]
    assert "FAIR_SHARE" not in dict(wall(found[1]))


def test_a_time_that_was_chosen_is_no_riddle() -> None:
    """It comes after what held the email back, whatever room was before it; a follow-up counts from it."""
    first, *_ = one(OFFICE, at(26, 14, 7), since=SATURDAY).legs
    later = Leg(first.step_id, 2, Wait(1), held=slot(at(27, 9)))
    chosen = first._replace(is_set_by_hand=True)
    enrollment = replace(one(OFFICE, None, since=SATURDAY), legs=(chosen, later))
    around = Surroundings(BOX, (OFFICE,), taken(at(26, 9)))

    found = [explain(enrollment, leg, surroundings=around) for leg in enrollment.legs]

    assert wall(found[0]) == [("ENROLLED", "Sat 11:00"), ("SET_BY_HAND", "Thu 14:07")]
    assert found[0].pushes[-1].detail == "somebody chose this time"
    assert wall(found[1])[1:] == [
        ("PREVIOUS_STEP", "Thu 14:07"),
        ("WAIT", "Fri 00:00"),
        ("WINDOW", "Fri 09:00"),
    ]


def test_a_chosen_time_that_a_later_rule_speaks_against_is_still_chosen() -> None:
    """Put off until after it, and not planned again yet: the time is nobody's promise but the chooser's."""
    [leg] = one(OFFICE, at(26, 9)).legs
    put_off = replace(one(OFFICE, at(26, 9)), legs=(leg._replace(is_set_by_hand=True),), not_before=at(27, 9))

    assert wall(explained(put_off))[-1] == ("SET_BY_HAND", "Thu 09:00")


def test_days_that_are_full_in_a_row_are_one_push() -> None:
    """Counted or held one by one, and with a weekend between them."""
    workdays = Calendar(BERLIN, hours((9, 0, 17, 0), days=range(1, 6)))
    friday = [at(27, 9) + timedelta(minutes=16) * number for number in range(30)]
    enrollment = one(workdays, at(30, 9), since=at(26, 8))

    found = explained(enrollment, *friday, counted={THURSDAY: 30})

    assert wall(found) == [("ENROLLED", "Thu 08:00"), ("WINDOW", "Thu 09:00"), ("MAILBOX_FULL", "Mon 09:00")]
    assert found.pushes[-1].detail == "full on 2 days from 2026-11-26 to 2026-11-27"


def test_a_follow_up_counts_its_wait_from_the_step_before_it() -> None:
    """From the day for which that is planned, and without a wait one second after it."""
    first, *_ = one(OFFICE, at(23, 9)).legs
    later = Leg(first.step_id, 2, Wait(2), held=slot(at(25, 9)))
    at_once = Leg(first.step_id, 3, Wait(0), held=slot(at(25, 9, 16)))
    enrollment = replace(one(OFFICE, None), legs=(first, later, at_once))
    around = Surroundings(BOX, (OFFICE,), taken(at(23, 9)))

    found = [explain(enrollment, leg, surroundings=around) for leg in (later, at_once)]

    assert [wall(each) for each in found] == [
        [
            ("ENROLLED", "Mon 07:00"),
            ("PREVIOUS_STEP", "Mon 09:00"),
            ("WAIT", "Wed 00:00"),
            ("WINDOW", "Wed 09:00"),
        ],
        [("ENROLLED", "Mon 07:00"), ("PREVIOUS_STEP", "Wed 09:00"), ("EVEN_SPACING", "Wed 09:16")],
    ]


def test_a_step_that_left_already_starts_the_wait() -> None:
    """It counts from the day of the window in which that left."""
    sent = replace(one(OFFICE, at(25, 9), wait=2), last_window_day=date(2026, 11, 23))

    assert wall(explained(replace(sent, enrolled_at=SATURDAY))) == [
        ("ENROLLED", "Sat 11:00"),
        ("PREVIOUS_STEP", "Mon 00:00"),
        ("WAIT", "Wed 00:00"),
        ("WINDOW", "Wed 09:00"),
    ]


def test_first_date_holds_and_late_planning_are_named() -> None:
    """Each only where it pushes further than what came before it."""
    calendar = replace(OFFICE, first_date=date(2026, 11, 25))
    held = replace(one(calendar, at(26, 12, 12)), not_before=at(24, 9))
    around = Surroundings(BOX, (calendar,))

    found = explain(held, held.legs[0], surroundings=around, planned_at=at(26, 12))

    assert wall(found) == [
        ("ENROLLED", "Mon 07:00"),
        ("NOT_BEFORE", "Tue 09:00"),
        ("FIRST_DATE", "Wed 00:00"),
        ("PLANNED", "Thu 12:00"),
        ("EVEN_SPACING", "Thu 12:12"),
    ]


def test_emails_of_a_day_are_spread_over_it() -> None:
    """Slots before it are free, and stay so."""
    assert wall(explained(one(OFFICE, at(23, 13)), at(23, 9))) == [
        ("ENROLLED", "Mon 07:00"),
        ("WINDOW", "Mon 09:00"),
        ("SLOT_TAKEN", "Mon 09:16"),
        ("EVEN_SPACING", "Mon 13:00"),
    ]


def test_an_urgent_email_in_the_first_slot_there_is_was_not_kept_waiting() -> None:
    """Enrolled at 09:05, it leaves at 09:16: slots of the day lie apart, and this one is the first ahead."""
    assert wall(explained(one(OFFICE, at(23, 9, 16), since=at(23, 9, 5), priority=1))) == [
        ("ENROLLED", "Mon 09:05"),
        ("EVEN_SPACING", "Mon 09:16"),
    ]


def test_emails_between_slots_use_up_none_that_somebody_is_on() -> None:
    """Of four slots 09:15 and 09:30 are taken; the email at 09:29 uses up 09:45, the last one ahead."""
    narrow = Calendar(BERLIN, hours((9, 0, 10, 0)))
    box = mailbox(1, capacity=4)
    [enrollment] = enrolled(1, sequence(1, narrow, [box]), at=at(23, 9, 20))
    [leg] = enrollment.legs
    held = replace(enrollment, legs=(leg._replace(held=slot(at(24, 9))),))
    around = Surroundings(box, (narrow,), taken(at(23, 9, 15), at(23, 9, 29), at(23, 9, 30)))

    found = explain(held, held.legs[0], surroundings=around)

    assert wall(found) == [("ENROLLED", "Mon 09:20"), ("MAILBOX_FULL", "Tue 09:00")]


def test_a_window_with_too_little_left_leads_to_the_next_one() -> None:
    """After 16:44, the last of thirty slots, the window is open and of no use."""
    assert wall(explained(one(OFFICE, at(24, 9), since=at(23, 16, 50)))) == [
        ("ENROLLED", "Mon 16:50"),
        ("NO_SLOT_LEFT", "Tue 09:00"),
    ]


@pytest.mark.parametrize(
    ("held", "priority", "because"),
    [
        (at(25, 9), 0, "there is room on 2026-11-23 by now"),
        (at(23, 9, 16), 1, "an earlier slot of the day has become free since"),
        (at(23, 18), 0, "today's rules would give it another time"),
        (at(23, 6), 0, "today's rules would give it another time"),
    ],
)
def test_what_the_rules_no_longer_say_is_a_promise_kept(held: datetime, priority: int, because: str) -> None:
    """An earlier day or slot became free, the window closed around it, or it is before its time."""
    found = explained(one(OFFICE, held, priority=priority))

    assert found.pushes[-1].constraint is Constraint.KEPT
    assert found.pushes[-1].until == held
    assert found.pushes[-1].detail == because


def test_an_email_without_a_slot_has_one_reason() -> None:
    """Behind what it had got over; behind a step without a slot not even its wait is known."""
    first, second = enrolled(1, sequence(1, OFFICE, [BOX]), waits=(2, 1), at=NOW)[0].legs
    enrollment = enrolled(1, sequence(1, OFFICE, [BOX]), waits=(2, 1), at=NOW)[0]

    full = explain(enrollment, first, surroundings=None, unplaced_reason=UnplacedReason.NO_CAPACITY)
    waits = explain(enrollment, second, surroundings=None, unplaced_reason=UnplacedReason.WAITS_FOR_STEP)

    assert full.unplaced_reason is UnplacedReason.NO_CAPACITY
    assert wall(full) == [("ENROLLED", "Mon 07:00"), ("WAIT", "Wed 00:00")]
    assert waits.unplaced_reason is UnplacedReason.WAITS_FOR_STEP
    assert wall(waits) == [("ENROLLED", "Mon 07:00")]


def test_a_slot_needs_surroundings() -> None:
    """Nothing can be said of a slot without its mailbox."""
    held = one(OFFICE, at(23, 9))

    with pytest.raises(ValueError, match="surrounds"):
        explain(held, held.legs[0], surroundings=None)


def test_the_days_to_look_at_reach_from_the_wait_to_the_slot() -> None:
    """With two days before them for zones; none for an email without a slot."""
    held = one(OFFICE, at(26, 9), wait=1)
    unplaced = one(OFFICE, None)

    assert days_between(held, held.legs[0]) == (date(2026, 11, 22), date(2026, 11, 27))
    assert days_between(unplaced, unplaced.legs[0]) is None
