"""When emails may leave: weekdays, hours and a zone, with clock changes and midnights handled."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.closed_days import NEVER_CLOSED, ClosedDays

EVERY_DAY = frozenset(range(1, 8))
_A_DAY = timedelta(days=1)


class InvalidSendWindow(ValueError):
    """*field* of a send window makes no sense; the message says what would."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time in UTC, *end* excluded."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class SendWindow:
    """
    The hours in which emails may leave: *intervals* of wall-clock time on ISO *weekdays* (1 is Monday).

    An interval whose end is not after its start ends on the next day (22:00–02:00); its day is the one
    on which it opens. An end of 00:00 is midnight at the end of the day.

    Raises:
        InvalidSendWindow: If there is no day or interval, one starts where it ends, or two overlap.
    """

    weekdays: frozenset[int]
    intervals: tuple[tuple[time, time], ...]

    def __post_init__(self) -> None:
        if not self.weekdays:
            raise InvalidSendWindow("weekdays", "Name at least one weekday, from 1 (Monday) to 7 (Sunday).")
        if not self.weekdays <= EVERY_DAY:
            raise InvalidSendWindow("weekdays", "Weekdays are numbers from 1 (Monday) to 7 (Sunday).")
        if not self.intervals:
            raise InvalidSendWindow("intervals", "Give at least one interval, for example 09:00 to 17:00.")
        closes = -1
        for start, end in sorted(self.intervals):
            if start == end:
                raise InvalidSendWindow("intervals", f"An interval ends where it starts, at {start:%H:%M}.")
            if _minutes(start) < closes:
                raise InvalidSendWindow("intervals", f"Two intervals overlap at {start:%H:%M}.")
            closes = _minutes(end) if end > start else 1440 + _minutes(end)
        if closes > 1440 + _minutes(min(self.intervals)[0]):
            raise InvalidSendWindow("intervals", "The last interval runs into the first one of the next day.")


# Compared by identity, because its days are looked up some hundred thousand times in one plan.
@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """
    A send window in a zone, between two dates; *window* None is every hour of every day.

    It does not open on *closed* days; one that opened on the evening before stays open past midnight.
    """

    zone: ZoneInfo
    window: SendWindow | None = None
    first_date: date | None = None
    last_date: date | None = None
    closed: ClosedDays = NEVER_CLOSED

    def spans(self, day: date) -> tuple[Span, ...]:
        """When the window that opens on local *day* is open, soonest first; empty on a day without one."""
        return _spans(self, day)

    def is_open(self, day: date, moment: datetime) -> bool:
        """Whether *moment* lies in the window that opens on local *day*."""
        # Asked for every email of every plan, and any() takes three times as long.
        for span in _spans(self, day):  # noqa: SIM110
            if span.start <= moment < span.end:
                return True
        return False

    def day_of(self, moment: datetime) -> date | None:
        """The local date of the window that is open at *moment*; None when it is closed."""
        return _day_of(self, moment)

    def is_closed_on(self, day: date) -> bool:
        """Whether the window would open on *day* if that were not a closed day."""
        return (self.window is None or day.isoweekday() in self.window.weekdays) and day in self.closed

    def days(self, first: date, *, limit: int) -> Iterator[date]:
        """The days from *first* on that have a window, at most *limit* calendar days ahead."""
        for ahead in range(limit):
            day = first + timedelta(days=ahead)
            if self.last_date is not None and day > self.last_date:
                return
            if self.spans(day):
                yield day

    def opens(self, first: date, *, limit: int) -> bool:
        """Whether any of the *limit* days from *first* on has a window."""
        return _opens(self, first, limit)


@lru_cache(maxsize=65536)
def _spans(calendar: Calendar, day: date) -> tuple[Span, ...]:
    if calendar.first_date is not None and day < calendar.first_date:
        return ()
    if calendar.last_date is not None and day > calendar.last_date:
        return ()
    if day in calendar.closed:
        return ()
    window, zone = calendar.window, calendar.zone
    # A zone that crosses the date line skips a date: its times are those of the next one, its window is not.
    if instant(day, time(12), zone).astimezone(zone).date() != day:
        return ()
    if window is None:
        return (Span(instant(day, time(0), zone), instant(day + _A_DAY, time(0), zone)),)
    if day.isoweekday() not in window.weekdays:
        return ()
    opened = (
        Span(instant(day, start, zone), instant(day if end > start else day + _A_DAY, end, zone))
        for start, end in sorted(window.intervals)
    )
    # A clock change can swallow an interval whole, or push one into the next.
    return tuple(joined(span for span in opened if span.start < span.end))


# Mailboxes that are alike send at the same instants.
@lru_cache(maxsize=65536)
def _day_of(calendar: Calendar, moment: datetime) -> date | None:
    local = local_date(moment, calendar.zone)
    return next((day for day in (local - _A_DAY, local) if calendar.is_open(day, moment)), None)


# A window that never opens is asked for thousands of contacts, and each answer takes thousands of days.
@lru_cache(maxsize=4096)
def _opens(calendar: Calendar, first: date, limit: int) -> bool:
    return next(calendar.days(first, limit=limit), None) is not None


# Contacts are enrolled together, and mailboxes send at the same instants: most of them are asked for again.
@lru_cache(maxsize=65536)
def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """The date that calendars in *zone* show at *moment*."""
    return moment.astimezone(zone).date()


def joined(spans: Iterable[Span]) -> list[Span]:
    """*spans* in order, those that touch or overlap made one."""
    union: list[Span] = []
    for span in sorted(spans):
        if union and span.start <= union[-1].end:
            union[-1] = Span(union[-1].start, max(union[-1].end, span.end))
        else:
            union.append(span)
    return union


def instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """
    The moment in UTC at which clocks in *zone* show *wall* on *day*.

    A time that a clock change skips moves forward by the gap; one that comes twice is its first occurrence
    (RFC 5545 §3.3.5).
    """
    local = datetime.combine(day, wall.replace(tzinfo=None, fold=0), tzinfo=zone)
    return local.astimezone(UTC)


def _minutes(wall: time) -> int:
    return wall.hour * 60 + wall.minute
