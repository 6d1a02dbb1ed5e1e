"""Deadlines: the arithmetic of what is needed, and fixes of which one less does not suffice."""

from dataclasses import replace
from datetime import date, timedelta
from math import ceil

import pytest

from domain.deadline import Fix, PastDeadline, Punctuality, punctuality, smallest
from domain.forecast import forecast
from domain.plan import Taken
from domain.what_if import Situation, WhatIf
from tests.domain.planning_world import email_of, mailbox
from tests.domain.test_forecast import MONDAY, NOW, OFFICE, planned, situation

NOTHING = WhatIf()


def held_against(
    start: Situation, deadline: date, change: WhatIf = NOTHING, plans: int | None = None
) -> Punctuality:
    return punctuality(start, change, forecast(start.after(change)), deadline=deadline, plans=plans)


def completion(start: Situation, **change: int) -> date:
    found = forecast(start.after(WhatIf(**change))).completes_on
    assert found is not None
    return found


def test_five_thousand_contacts_in_four_steps_on_five_mailboxes_are_late() -> None:
    """
    20,000 emails in 110 sending days are 182 a day; 5 mailboxes × 30 have 150.

    The quotient alone says 2 mailboxes or a capacity of 37. The last contact begins three waits before the
    end, so a plan needs 39.
    """
    start = situation(5_000, [mailbox(number) for number in range(1, 6)], waits=(0, 3, 3, 3))
    deadline = date(2027, 4, 23)

    found = held_against(start, deadline, plans=0)

    assert (found.sending_days, found.needed_per_day, found.available_per_day) == (110, 182, 150)
    assert (ceil(5_000 * 4 / 110), 5 * 30) == (182, 150)
    assert (ceil((182 - 150) / 30), ceil(182 / 5)) == (2, 37)
    # From 23 April to 3 June.
    assert found.days_late == 41
    assert completion(start, additional_mailboxes=2) <= deadline < completion(start, additional_mailboxes=1)
    assert completion(start, daily_capacity=39) <= deadline < completion(start, daily_capacity=38)


def test_one_less_than_a_fix_does_not_suffice() -> None:
    """Planned anew with the fix, and with one less of it, for several deadlines."""
    start = planned(situation(120, [mailbox(1, capacity=10), mailbox(2, capacity=10)], waits=(0, 2, 3)))

    for days_less in (3, 10):
        deadline = completion(start) - timedelta(days=days_less)
        found = held_against(start, deadline)

        assert found.more_mailboxes is not None
        assert found.daily_capacity is not None
        boxes, capacity = found.more_mailboxes.amount, found.daily_capacity.amount
        assert found.more_mailboxes.is_smallest
        assert found.daily_capacity.is_smallest
        assert completion(start, additional_mailboxes=boxes) <= deadline
        assert completion(start, daily_capacity=capacity) <= deadline
        assert completion(start, daily_capacity=capacity - 1) > deadline
        # With none more nothing is asked for, and it is late.
        assert completion(start, additional_mailboxes=boxes - 1) > deadline


def test_a_small_sequence_gets_exact_fixes() -> None:
    """90 contacts at 30 a day by Monday: two mailboxes more, or a capacity of 90."""
    found = held_against(situation(90, [mailbox(1)]), MONDAY)

    assert found == Punctuality(
        deadline=MONDAY,
        is_met=False,
        days_late=2,
        sending_days=1,
        needed_per_day=90,
        available_per_day=30,
        more_mailboxes=Fix(2, is_smallest=True),
        daily_capacity=Fix(90, is_smallest=True),
    )


def test_fixes_come_on_top_of_the_change_that_was_asked_for() -> None:
    """With one mailbox more asked for already, one more makes it; or 45 from each of the two."""
    found = held_against(situation(90, [mailbox(1)]), MONDAY, WhatIf(additional_mailboxes=1))

    assert found.days_late == 1
    assert found.more_mailboxes == Fix(1, is_smallest=True)
    assert found.daily_capacity == Fix(45, is_smallest=True)


def test_a_deadline_that_is_met_needs_no_fix() -> None:
    """On the day of completion itself."""
    found = held_against(situation(90, [mailbox(1)]), MONDAY + timedelta(days=2))

    assert (found.is_met, found.days_late) == (True, 0)
    assert (found.more_mailboxes, found.daily_capacity) == (None, None)


def test_waits_cannot_be_mended_by_mailboxes() -> None:
    """A follow-up after three days is not sent within one, whatever the capacity."""
    found = held_against(situation(1, [mailbox(1)], waits=(0, 3)), MONDAY + timedelta(days=1))

    assert (found.is_met, found.days_late) == (False, 2)
    assert (found.more_mailboxes, found.daily_capacity) == (None, None)


def test_without_a_mailbox_no_number_of_copies_suffices() -> None:
    """No email has a time, so how late it is cannot be said."""
    found = held_against(situation(1, []), MONDAY)

    assert (found.is_met, found.days_late, found.available_per_day) == (False, None, 0)
    assert (found.more_mailboxes, found.daily_capacity) == (None, None)


def test_a_weekend_has_no_sending_day() -> None:
    """Asked on a Saturday for Sunday, in a sequence that sends on workdays."""
    saturday = replace(situation(1, [mailbox(1)]), now=NOW + timedelta(days=5))

    found = held_against(saturday, date(2026, 11, 29))

    assert (found.sending_days, found.needed_per_day, found.available_per_day) == (0, None, None)
    assert (found.days_late, found.more_mailboxes, found.daily_capacity) == (1, None, None)


def test_emails_of_others_are_not_available() -> None:
    """20 of the 30 on Monday belong to another sequence."""
    box = mailbox(1)
    other = planned(situation(20, [box]))
    taken = tuple(
        Taken(email_of(leg), box.id, leg.held.send_at, OFFICE)
        for each in other.enrollments
        for leg in each.legs
        if leg.held is not None
    )

    found = held_against(situation(15, [box], taken=taken), MONDAY)

    assert (found.needed_per_day, found.available_per_day, found.days_late) == (15, 10, 1)
    assert found.daily_capacity == Fix(35, is_smallest=True)


def test_unlimited_mailboxes_have_no_number_available() -> None:
    """Capacity 0 is unlimited."""
    found = held_against(situation(90, [mailbox(1, capacity=0)]), MONDAY)

    assert (found.is_met, found.available_per_day) == (True, None)


def test_a_deadline_that_has_passed_is_refused() -> None:
    """Yesterday, in the sequence's zone."""
    with pytest.raises(PastDeadline) as refused:
        held_against(situation(1, [mailbox(1)]), MONDAY - timedelta(days=1))

    assert refused.value.today == MONDAY


@pytest.mark.parametrize("guess", [-5, 1, 36, 37, 38, 60, 100, 5_000])
def test_the_smallest_number_is_found_from_any_guess(guess: int) -> None:
    """37 of 1 to 100 suffices, 36 does not."""
    found = smallest(lambda number: number >= 37, least=1, most=100, guess=guess, tries=16)

    assert found == Fix(37, is_smallest=True)


def test_the_work_is_bounded() -> None:
    """What is not known to be the smallest is not called so, but it does suffice."""
    tried: list[int] = []

    def suffices(number: int) -> bool:
        tried.append(number)
        return number >= 37

    found = smallest(suffices, least=1, most=100, guess=60, tries=3)

    assert tried == [100, 60, 59]
    assert found == Fix(59, is_smallest=False)


def test_a_number_that_never_suffices_is_tried_once() -> None:
    """The largest says it for all."""
    tried: list[int] = []

    def never(number: int) -> bool:
        tried.append(number)
        return False

    found = smallest(never, least=1, most=100, guess=60, tries=9)

    assert (found, tried) == (None, [100])
