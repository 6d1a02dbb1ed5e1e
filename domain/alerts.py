"""Alerts: what an operator should know before recipients or providers tell them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.mailboxes import UNLIMITED, Mailbox
from domain.send_window import Calendar, Span, local_date


class AlertKind(StrEnum):
    QUOTA_EARLY = "QUOTA_EARLY"
    NEEDS_AUTH = "NEEDS_AUTH"
    FAILURE_RATE = "FAILURE_RATE"
    BOUNCE_RATE = "BOUNCE_RATE"
    COMPLAINT_RATE = "COMPLAINT_RATE"
    BACKLOG_LATE = "BACKLOG_LATE"


class AlertSeverity(StrEnum):
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class RateBounds:
    """From which share on it is worth a warning, and when to stop; of *sample* emails at least."""

    warn: float
    stop: float
    sample: int

    def reached(self, part: int, whole: int) -> tuple[AlertSeverity, float] | None:
        """The severity of *part* in *whole* with the bound that it reached, or None."""
        if whole < max(self.sample, 1):
            return None
        for severity, bound in ((AlertSeverity.CRITICAL, self.stop), (AlertSeverity.WARNING, self.warn)):
            if part >= bound * whole:
                return severity, bound
        return None


@dataclass(frozen=True, slots=True)
class AlertBounds:
    """
    When something is worth an alert.

    Of bounces and complaints the bounds are those of the large providers: above the second one they take it
    for spam. *quota_share* of a day's capacity may not be spent before *window_share* of its hours is over.
    """

    quota_share: float = 0.8
    window_share: float = 0.5
    bounces: RateBounds = RateBounds(0.02, 0.05, 50)
    complaints: RateBounds = RateBounds(0.001, 0.003, 100)
    failures: RateBounds = RateBounds(0.1, 0.25, 50)
    late_emails: int = 20


RATED = timedelta(days=7)
"""How far back rates are taken, so that one bad morning is not forgotten by noon."""


def is_spent_early(
    mailbox: Mailbox, *, used: int, now: datetime, bounds: AlertBounds, opened_at: datetime | None
) -> bool:
    """
    Whether most of the day's capacity was *used* while much of its hours lay ahead.

    An alert that was raised so on the same day, at *opened_at*, holds until the day is over.
    """
    today = local_date(now, mailbox.zone)
    capacity = mailbox.capacity_on(today)
    if capacity == UNLIMITED or used < bounds.quota_share * capacity:
        return False
    if opened_at is not None and local_date(opened_at, mailbox.zone) == today:
        return True
    # Without working hours the day itself is what it has.
    spans = (mailbox.hours or Calendar(mailbox.zone)).spans(today)
    return bool(spans) and _share_passed(spans, now) < bounds.window_share


def _share_passed(spans: tuple[Span, ...], now: datetime) -> float:
    whole = sum((span.end - span.start for span in spans), timedelta())
    passed = sum((max(min(now, span.end) - span.start, timedelta()) for span in spans), timedelta())
    return passed / whole
