"""Alerts: which shares reach a bound, and when a day's capacity was spent too early."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.alerts import AlertBounds, AlertSeverity, RateBounds, is_spent_early
from domain.ids import MailboxId
from domain.mailboxes import UNLIMITED, Mailbox
from domain.send_window import SendWindow

BOUNCES = RateBounds(warn=0.02, stop=0.05, sample=50)
EVERY_DAY = frozenset(range(1, 8))
NINE_TO_FIVE = SendWindow(EVERY_DAY, ((time(9), time(17)),))
WITH_LUNCH = SendWindow(EVERY_DAY, ((time(8), time(12)), (time(14), time(18))))


@pytest.mark.parametrize(
    ("part", "whole", "reached"),
    [
        (1, 51, None),
        (1, 50, (AlertSeverity.WARNING, 0.02)),
        (2, 50, (AlertSeverity.WARNING, 0.02)),
        (3, 60, (AlertSeverity.CRITICAL, 0.05)),
        (49, 49, None),
        (0, 0, None),
    ],
)
def test_a_share_is_judged_from_a_sample_on(
    part: int, whole: int, reached: tuple[AlertSeverity, float] | None
) -> None:
    """Both bounds are reached by equality; of few emails nothing is said."""
    assert BOUNCES.reached(part, whole) == reached


def mailbox(hours: SendWindow | None = NINE_TO_FIVE, *, zone: str = "UTC", capacity: int = 10) -> Mailbox:
    return Mailbox(
        MailboxId(UUID(int=1)), ZoneInfo(zone), capacity, timedelta(seconds=1), working_hours=hours
    )


def at(hour: int, minute: int = 0, *, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("used", "now", "hours", "is_early"),
    [
        (8, at(12, 59), NINE_TO_FIVE, True),
        (8, at(13), NINE_TO_FIVE, False),
        (7, at(9), NINE_TO_FIVE, False),
        (10, at(6), NINE_TO_FIVE, True),
        (8, at(13), WITH_LUNCH, False),
        (8, at(11, 59), WITH_LUNCH, True),
        (8, at(11, 59), None, True),
        (8, at(12), None, False),
    ],
)
def test_most_of_a_day_is_spent_early_before_half_of_its_hours(
    used: int, now: datetime, hours: SendWindow | None, *, is_early: bool
) -> None:
    """By the mailbox's own hours, pauses left out; without hours the day itself is what it has."""
    early = is_spent_early(mailbox(hours), used=used, now=now, bounds=AlertBounds(), opened_at=None)

    assert early == is_early


def test_what_was_early_stays_so_until_the_day_is_over() -> None:
    """The day is the mailbox's: one that was raised at 23:30 UTC is of Tuesday in Berlin."""
    box = mailbox(zone="Europe/Berlin")
    bounds = AlertBounds()

    def holds(now: datetime, *, opened_at: datetime, used: int = 9) -> bool:
        return is_spent_early(box, used=used, now=now, bounds=bounds, opened_at=opened_at)

    assert holds(at(22, 30), opened_at=at(9))
    assert not holds(at(22, 30), opened_at=at(9), used=7)
    assert not holds(at(16, day=3), opened_at=at(22, 30))
    assert holds(at(16, day=3), opened_at=at(23, 30))


def test_a_mailbox_without_end_is_never_spent() -> None:
    """Nor one that has no hours on that day."""
    weekdays = SendWindow(frozenset({1}), ((time(9), time(17)),))
    tuesday = at(9, day=3)

    for box in (mailbox(capacity=UNLIMITED), mailbox(weekdays)):
        assert not is_spent_early(box, used=10_000, now=tuesday, bounds=AlertBounds(), opened_at=None)


def test_both_shares_can_be_set() -> None:
    """Half of the capacity before a quarter of the hours, which is 11:00."""
    bounds = AlertBounds(quota_share=0.5, window_share=0.25)

    def early(used: int, now: datetime) -> bool:
        return is_spent_early(mailbox(), used=used, now=now, bounds=bounds, opened_at=None)

    assert (early(5, at(10, 59)), early(5, at(11)), early(4, at(10))) == (True, False, False)
