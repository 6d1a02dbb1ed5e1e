"""How much a mailbox may send on a day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.mailboxes import UNLIMITED, Ramp
from tests.domain.planning_world import mailbox

START = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("daily", "days_after", "expected"),
    [
        (30, -3, 5),
        (30, 0, 5),
        (30, 1, 7),
        (30, 12, 29),
        (30, 13, 30),
        (30, 400, 30),
        (UNLIMITED, 400, 805),
    ],
)
def test_a_ramp_grows_by_its_step_each_day_up_to_the_capacity(
    daily: int, days_after: int, expected: int
) -> None:
    """From 5 by 2 a day; before it starts it is at its start, without a capacity it grows on."""
    box = replace(mailbox(1, capacity=daily), ramp=Ramp(5, 2, START))

    assert box.capacity_on(START + timedelta(days=days_after)) == expected


def test_without_a_ramp_every_day_has_the_same_capacity() -> None:
    """0 is unlimited."""
    assert mailbox(1, capacity=30).capacity_on(START) == 30
    assert mailbox(1, capacity=0).capacity_on(START) == UNLIMITED
