"""Mailboxes: how their servers are reached, and how much they may send on each of their days."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.ids import MailboxId

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
    """What planning knows of a mailbox. *daily_capacity* 0 is unlimited; *minimum_gap* still holds."""

    id: MailboxId
    zone: ZoneInfo
    daily_capacity: int
    minimum_gap: timedelta
    ramp: Ramp | None = None
    is_available: bool = True

    def capacity_on(self, day: date) -> int:
        """Emails that may leave on *day*, a local date of this mailbox; 0 is unlimited."""
        if self.ramp is None:
            return self.daily_capacity
        grown = self.ramp.start + self.ramp.step * max(0, (day - self.ramp.started_on).days)
        return grown if self.daily_capacity == UNLIMITED else min(grown, self.daily_capacity)
