"""Batches: one email to many contacts, once, from a given instant on and at a given pace."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_AN_HOUR_US = 3_600_000_000


def pace_of(*, delay_s: int | None, hourly_limit: int | None) -> timedelta | None:
    """
    The least time between two emails of a batch; None when neither is given, and they are spread evenly.

    Rounded up, so that the email after *hourly_limit* others never leaves within an hour of the first.
    """
    delay = timedelta(seconds=delay_s or 0)
    share = timedelta(microseconds=-(-_AN_HOUR_US // hourly_limit)) if hourly_limit else timedelta()
    return max(delay, share) or None


@dataclass(frozen=True, slots=True)
class Departures:
    """When the emails of a batch may leave: the first at *starts_at*, each following one a *pace* later."""

    starts_at: datetime
    pace: timedelta | None

    def earliest(self, number: int) -> datetime:
        """The instant before which recipient *number*, from 0, must not be written to."""
        return self.starts_at + number * (self.pace or timedelta())
