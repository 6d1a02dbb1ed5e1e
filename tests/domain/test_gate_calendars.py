"""The gate holds what would leave on a closed day, or when its mailbox does not work."""

from dataclasses import replace
from datetime import timedelta

from domain.closed_days import ClosedDays
from domain.gate import Hold, MailboxLoad, Pass, judge
from domain.lifecycle import MailboxStatus
from tests.domain.planning_world import hours, mailbox
from tests.domain.test_gate import DUE, NOW, TODAY, load


def test_nothing_leaves_on_a_closed_day() -> None:
    """Whoever made the day a closed one may have been later than the planner."""
    closed = replace(DUE, calendar=replace(DUE.calendar, closed=ClosedDays(dates=frozenset({TODAY}))))

    assert judge(closed, load(), now=NOW) is Hold.OUTSIDE_WINDOW
    assert judge(closed, load(), now=NOW + timedelta(days=1)) is Pass.GO


def test_nothing_leaves_when_its_mailbox_does_not_work() -> None:
    """It is 11:30 where the mailbox is."""
    box = replace(mailbox(1), working_hours=hours((12, 0, 18, 0)))
    at_noon = MailboxLoad(box, MailboxStatus.ACTIVE, TODAY, used=1)

    assert judge(DUE, at_noon, now=NOW) is Hold.OUTSIDE_WORKING_HOURS
    assert judge(DUE, at_noon, now=NOW + timedelta(minutes=30)) is Pass.GO
