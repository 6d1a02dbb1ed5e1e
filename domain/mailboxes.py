"""Mailboxes: how their servers are reached, and how much they may send on each of their days."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.ids import MailboxId
from domain.send_window import Calendar, SendWindow

UNLIMITED = 0


class Security(StrEnum):
    STARTTLS = "STARTTLS"
    TLS = "TLS"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Ramp:
    """A capacity that grows by *step* emails a day from *start* on *started_on*."""

    start: int
    step: int
    started_on: date


@dataclass(frozen=True, slots=True)
class Mailbox:
    """
    What planning knows of a mailbox. *daily_capacity* 0 is unlimited; *minimum_gap* still holds.

    *working_hours* are in its own zone; None is every hour of every day.
    """

    id: MailboxId
    zone: ZoneInfo
    daily_capacity: int
    minimum_gap: timedelta
    ramp: Ramp | None = None
    is_available: bool = True
    working_hours: SendWindow | None = None

    @property
    def hours(self) -> Calendar | None:
        """When it works; None is always."""
        return None if self.working_hours is None else _working(self.zone, self.working_hours)

    def works_at(self, moment: datetime) -> bool:
        hours = self.hours
        return hours is None or hours.day_of(moment) is not None

    def capacity_on(self, day: date) -> int:
        """Emails that may leave on *day*, a local date of this mailbox; 0 is unlimited."""
        if self.ramp is None:
            return self.daily_capacity
        grown = self.ramp.start + self.ramp.step * max(0, (day - self.ramp.started_on).days)
        return grown if self.daily_capacity == UNLIMITED else min(grown, self.daily_capacity)


# Calendars are told apart by identity: equal hours are one calendar, whose days are looked up once.
@lru_cache(maxsize=4096)
def _working(zone: ZoneInfo, hours: SendWindow) -> Calendar:
    return Calendar(zone, hours)
