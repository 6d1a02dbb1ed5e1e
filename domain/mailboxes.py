"""Mailboxes: how their servers are reached, and how much they may send on each of their days."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.chance import drawn
from domain.ids import MailboxId
from domain.rates import Rate
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

    def level_on(self, day: date) -> int:
        """The capacity on *day*; before the ramp begins, it is that of its beginning."""
        return self.start + self.step * max(0, (day - self.started_on).days)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """
    What planning knows of a mailbox. *daily_capacity* 0 is unlimited; *minimum_gap* still holds.

    *working_hours* are in its own zone; None is every hour of every day. *rates* hold beside the capacity,
    *recipient_domain_daily_cap* for the addresses of each domain. The percentages are from 0 to 50: how much
    of the time until the next slot an email may leave later, and by how much a day's capacity may be lower;
    *seed* decides both.
    """

    id: MailboxId
    zone: ZoneInfo
    daily_capacity: int
    minimum_gap: timedelta
    ramp: Ramp | None = None
    is_available: bool = True
    working_hours: SendWindow | None = None
    rates: tuple[Rate, ...] = ()
    recipient_domain_daily_cap: int | None = None
    jitter_percent: int = 0
    day_variation_percent: int = 0
    seed: int = 0

    @property
    def hours(self) -> Calendar | None:
        """When it works; None is always."""
        return None if self.working_hours is None else _working(self.zone, self.working_hours)

    def works_at(self, moment: datetime) -> bool:
        hours = self.hours
        return hours is None or hours.day_of(moment) is not None

    def capacity_on(self, day: date) -> int:
        """Emails that may leave on *day*, a local date of this mailbox; 0 is unlimited."""
        limits = [rate.most for rate in self.rates if rate.covers_day]
        if self.daily_capacity != UNLIMITED:
            limits.append(self.daily_capacity)
        if self.ramp is not None:
            limits.append(self.ramp.level_on(day))
        if not limits:
            return UNLIMITED
        return self._varied(min(limits), day) if self.day_variation_percent else min(limits)

    def _varied(self, capacity: int, day: date) -> int:
        least = max(1, -(-capacity * (100 - self.day_variation_percent) // 100))
        return least + drawn(self.id, on=day, seed=self.seed, below=capacity - least + 1)


# Calendars are told apart by identity: equal hours are one calendar, whose days are looked up once.
@lru_cache(maxsize=4096)
def _working(zone: ZoneInfo, hours: SendWindow) -> Calendar:
    return Calendar(zone, hours)
