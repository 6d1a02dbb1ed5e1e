"""Forecasts whose every figure is known beforehand, and changes that are only imagined."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.forecast import forecast
from domain.ids import EmailId, StepId
from domain.itineraries import Leg, UnplacedReason
from domain.mailboxes import Mailbox
from domain.plan import Taken
from domain.send_window import Calendar
from domain.waits import Wait
from domain.what_if import NoMailboxToCopy, Situation, WhatIf, is_imaginary
from tests.domain.planning_world import BERLIN, WORKDAYS, World, enrolled, hours, mailbox, sequence

OFFICE = Calendar(BERLIN, hours((9, 0, 17, 0), days=WORKDAYS))
# Monday 2026-11-23, 07:00 in Berlin, before the window opens.
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
MONDAY = date(2026, 11, 23)
WEDNESDAY, THURSDAY = MONDAY + timedelta(days=2), MONDAY + timedelta(days=3)


def situation(
    contacts: int,
    boxes: Iterable[Mailbox],
    *,
    waits: tuple[int, ...] = (0,),
    calendar: Calendar = OFFICE,
    taken: tuple[Taken, ...] = (),
) -> Situation:
    """*contacts* of one sequence, none of them planned yet."""
    boxes = tuple(boxes)
    served = sequence(1, calendar, boxes)
    steps = tuple(Leg(StepId(UUID(int=900 + at)), at, Wait(wait)) for at, wait in enumerate(waits, 1))
    on_their_way = tuple(enrolled(contacts, served, waits=waits, at=NOW))
    return Situation(served, steps, on_their_way, boxes, taken, {box.id: [calendar] for box in boxes}, NOW)


def planned(start: Situation) -> Situation:
    """*start* after its plan was written."""
    world = World(start.now, start.mailboxes, start.enrollments)
    return replace(start, enrollments=world.holding(world.plan()).enrollments)


def test_ninety_contacts_in_three_steps_are_done_on_the_thursday() -> None:
    """3 mailboxes × 30, waits of 2 and 1 days: 90 each on Monday, Wednesday and Thursday, all days full."""
    boxes = [mailbox(number) for number in (1, 2, 3)]

    found = forecast(situation(90, boxes, waits=(0, 2, 1)))

    assert (found.contacts, found.emails, found.unplaced) == (90, 270, {})
    assert found.completes_on == THURSDAY
    assert found.completes_at == datetime(2026, 11, 26, 15, 44, tzinfo=UTC)
    assert [(load.day, load.emails) for load in found.days] == [
        (MONDAY, 90),
        (WEDNESDAY, 90),
        (THURSDAY, 90),
    ]
    assert [box.full_on for box in found.mailboxes] == [MONDAY] * 3
    assert [[load.emails for load in box.days] for box in found.mailboxes] == [[30, 30, 30]] * 3


def test_contacts_that_are_only_imagined_give_the_same_forecast_as_real_ones() -> None:
    """90 contacts more in an empty sequence, or 90 who were enrolled."""
    boxes = [mailbox(number) for number in (1, 2, 3)]

    imagined = forecast(situation(0, boxes, waits=(0, 2, 1)).after(WhatIf(additional_contacts=90)))

    assert imagined == forecast(situation(90, boxes, waits=(0, 2, 1)))


def test_contacts_more_come_after_those_who_are_planned() -> None:
    """60 contacts at 30 a day hold Monday and Tuesday; 30 more leave on Wednesday, nobody else moves."""
    held = planned(situation(60, [mailbox(1)]))

    found = forecast(held.after(WhatIf(additional_contacts=30)))

    assert [load.emails for load in found.days] == [30, 30, 30]
    assert found.completes_on == WEDNESDAY
    assert found.days[:2] == forecast(held).days


def test_replies_are_expected_to_end_itineraries() -> None:
    """100 contacts × 3 steps at a rate of 0.1: 100 + 90 + 81 = 271 emails instead of 300."""
    boxes = [mailbox(number, capacity=100) for number in (1,)]

    found = forecast(situation(100, boxes, waits=(0, 2, 1)), reply_rate=0.1)

    assert found.emails == 300
    assert found.expected_emails == pytest.approx(271)
    assert [load.emails for load in found.days] == [100, 100, 100]
    assert [load.expected_emails for load in found.days] == pytest.approx([100, 90, 81])
    assert [load.expected_emails for load in found.mailboxes[0].days] == pytest.approx([100, 90, 81])


def test_without_replies_the_expectation_is_exact() -> None:
    """A rate of 0."""
    found = forecast(situation(10, [mailbox(1)], waits=(0, 1)))

    assert found.expected_emails == found.emails == 20


def test_mailboxes_more_pull_forward_who_has_not_started() -> None:
    """90 contacts hold three days of one mailbox; with two more like it all are done on Monday."""
    held = planned(situation(90, [mailbox(1)]))

    found = forecast(held.after(WhatIf(additional_mailboxes=2)))

    assert forecast(held).completes_on == WEDNESDAY
    # Tuesday is later by one day only, which is not worth a move.
    assert found.completes_on == MONDAY + timedelta(days=1)
    assert [is_imaginary(box.mailbox) for box in found.mailboxes] == [False, True, True]


def test_who_has_started_keeps_the_mailbox_whatever_is_added() -> None:
    """Follow-ups come from the mailbox of the step before them."""
    held = planned(situation(90, [mailbox(1)]))
    begun = tuple(replace(each, last_window_day=date(2026, 11, 20)) for each in held.enrollments)

    found = forecast(replace(held, enrollments=begun).after(WhatIf(additional_mailboxes=2)))

    assert [sum(load.emails for load in box.days) for box in found.mailboxes] == [90, 0, 0]
    assert found.completes_on == WEDNESDAY


def test_a_raised_capacity_pulls_forward() -> None:
    """90 contacts at 30 a day end on Wednesday, at 90 a day their last third moves to Monday."""
    held = planned(situation(90, [mailbox(1)]))

    found = forecast(held.after(WhatIf(daily_capacity=90)))

    assert [(load.day, load.emails) for load in found.days] == [
        (MONDAY, 60),
        (MONDAY + timedelta(days=1), 30),
    ]


def test_a_lowered_capacity_ends_later() -> None:
    """30 contacts at 10 a day need three days."""
    found = forecast(planned(situation(30, [mailbox(1)])).after(WhatIf(daily_capacity=10)))

    assert [load.emails for load in found.days] == [10, 10, 10]
    assert found.mailboxes[0].full_on == MONDAY


def test_a_mailbox_is_full_with_the_emails_of_others() -> None:
    """20 of another sequence and 10 of this one fill Monday; 9 do not."""
    box = mailbox(1)
    others = tuple(
        Taken(EmailId(UUID(int=500 + number)), box.id, NOW + timedelta(hours=2, minutes=16 * number))
        for number in range(20)
    )

    assert forecast(situation(10, [box], taken=others)).mailboxes[0].full_on == MONDAY
    assert forecast(situation(9, [box], taken=others)).mailboxes[0].full_on is None


def test_an_unlimited_mailbox_is_never_full() -> None:
    """Capacity 0 is unlimited."""
    found = forecast(situation(500, [mailbox(1)]).after(WhatIf(daily_capacity=0)))

    assert found.mailboxes[0].full_on is None
    assert found.completes_on == MONDAY


def test_emails_without_a_time_leave_the_end_open() -> None:
    """A sequence that ends on Monday has room for 30 of 40 contacts."""
    calendar = replace(OFFICE, last_date=MONDAY)

    found = forecast(situation(40, [mailbox(1)], calendar=calendar))

    assert (found.emails, found.unplaced) == (30, {UnplacedReason.AFTER_LAST_DATE: 10})
    assert (found.completes_at, found.completes_on) == (None, None)


def test_nothing_left_to_send_has_no_end_either() -> None:
    """A sequence without contacts."""
    found = forecast(situation(0, [mailbox(1)]))

    assert (found.contacts, found.emails, found.days, found.completes_at) == (0, 0, (), None)


def test_copies_are_made_of_the_mailboxes_that_send_in_turn() -> None:
    """Of capacities 10 and 20, three copies have 10, 20 and 10; a paused mailbox is not copied."""
    paused = replace(mailbox(3, capacity=99), is_available=False)
    boxes = [mailbox(1, capacity=10), mailbox(2, capacity=20), paused]

    after = situation(1, boxes).after(WhatIf(additional_mailboxes=3))

    assert [box.daily_capacity for box in after.linked] == [10, 20, 99, 10, 20, 10]
    assert all(box.is_available for box in after.linked[3:])


def test_without_a_mailbox_there_is_nothing_to_copy() -> None:
    """More mailboxes of which kind?"""
    with pytest.raises(NoMailboxToCopy):
        situation(1, []).after(WhatIf(additional_mailboxes=1))


def test_days_are_those_of_the_sequence_and_of_each_mailbox() -> None:
    """09:00 on Tuesday in Tokyo is still Monday for a mailbox in New York."""
    tokyo = Calendar(ZoneInfo("Asia/Tokyo"), hours((9, 0, 10, 0)))
    box = mailbox(1, zone=ZoneInfo("America/New_York"))

    found = forecast(situation(1, [box], calendar=tokyo))

    assert [load.day for load in found.days] == [date(2026, 11, 24)]
    assert found.completes_on == date(2026, 11, 24)
    assert [load.day for load in found.mailboxes[0].days] == [MONDAY]
