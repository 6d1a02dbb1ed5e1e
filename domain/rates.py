"""Rates: how many emails may leave within an hour of the clock, or within any stretch of one length."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

Item = TypeVar("Item")

AN_HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)
# What left a moment late delays the next email by as much, at the gate; that is not worth a move.
LATE_BY = timedelta(minutes=1)
_HALF_AN_HOUR = timedelta(minutes=30)
_SECOND = timedelta(seconds=1)
_AN_INSTANT = timedelta(microseconds=1)


class RateKind(StrEnum):
    HOURLY = "HOURLY"
    SLIDING = "SLIDING"
    ROLLING_24H = "ROLLING_24H"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *most* emails in every stretch of *span*, or for an hourly one in every hour of the clock."""

    kind: RateKind
    most: int
    span: timedelta = AN_HOUR

    @property
    def covers_day(self) -> bool:
        """Whether no day can have more than it allows; a day of 25 hours is held to it, too."""
        return self.kind is not RateKind.HOURLY and self.span >= A_DAY

    @property
    def gap(self) -> timedelta:
        """The distance, in whole seconds, that keeps it between any emails; whole days are counted."""
        return timedelta() if self.covers_day else -(-self.span // (self.most * _SECOND)) * _SECOND

    def since(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """What left later than this counts at *moment*; hours are those of clocks in *zone*."""
        if self.kind is not RateKind.HOURLY:
            return moment - self.span
        return clock_hour(moment, zone) - _AN_INSTANT

    def slots_in(self, open_time: timedelta, *, jitter_percent: int) -> int:
        """How many slots, evenly over *open_time* of one day, keep it whichever of them are used."""
        if open_time <= self.span:
            return self.most
        # An hour is kept by staying inside of it; of other stretches jitter may reach into the next one.
        reach = 0 if self.kind is RateKind.HOURLY else Fraction(jitter_percent, 100)
        return max(1, int((self.most - reach) * Fraction(open_time // _SECOND, self.span // _SECOND)))


def clock_hour(moment: datetime, zone: ZoneInfo) -> datetime:
    """
    The beginning, in UTC, of the hour that clocks in *zone* show at *moment*.

    An hour that comes twice is two hours. Where clocks go back by half an hour, the one that is repeated in
    part lasts for an hour and a half.
    """
    return moment.astimezone(zone).replace(minute=0, second=0, microsecond=0).astimezone(UTC)


def counted_at(instant: datetime, *, now: datetime) -> datetime:
    """When an email counts as gone: what left a moment late left in time, and the gate keeps the distance."""
    return instant if instant >= now else instant - LATE_BY


def is_kept(rate: Rate, zone: ZoneInfo, moment: datetime, instants: Sequence[datetime]) -> bool:
    """Whether one more email at *moment* keeps *rate* beside those at *instants*, which are in order."""
    # An hour of the clock may last longer than its span.
    reach = rate.span + (_HALF_AN_HOUR if rate.kind is RateKind.HOURLY else timedelta())
    first, last = bisect_right(instants, moment - reach), bisect_left(instants, moment + reach)
    if last - first < rate.most:
        return True
    if rate.kind is RateKind.HOURLY:
        hour = clock_hour(moment, zone)
        return sum(clock_hour(each, zone) == hour for each in instants[first:last]) < rate.most
    around = sorted((*instants[first:last], moment))
    return all(
        later - earlier >= rate.span for earlier, later in zip(around, around[rate.most :], strict=False)
    )


def first_kept(rate: Rate, zone: ZoneInfo, moment: datetime, instants: Sequence[datetime]) -> datetime:
    """The first instant from *moment* on at which :func:`is_kept` says yes."""
    while not is_kept(rate, zone, moment, instants):
        if rate.kind is not RateKind.HOURLY:
            moment = instants[bisect_right(instants, moment - rate.span)] + rate.span
            continue
        hour = clock_hour(moment, zone) + AN_HOUR
        moment = hour if hour > moment else hour + _HALF_AN_HOUR
    return moment


class Mark(NamedTuple, Generic[Item]):
    """An email, or a slot for one, that leaves between *earliest* and *latest*; None must stay."""

    earliest: datetime
    latest: datetime
    removable: Item | None


class Sweep(Generic[Item]):
    """Goes through marks in order, and takes out those that exceed *rate*."""

    def __init__(self, rate: Rate, zone: ZoneInfo) -> None:
        self._rate = rate
        self._zone = zone
        self._inside: deque[Mark[Item]] = deque()

    def pass_over(self, mark: Mark[Item]) -> list[Item]:
        """Go on to *mark*: which have to go so that no stretch up to here holds too many, latest first."""
        inside = self._inside
        since = self._rate.since(mark.earliest, self._zone)
        while inside and inside[0].latest <= since:
            inside.popleft()
        inside.append(mark)
        gone = []
        at = len(inside) - 1
        while len(inside) > self._rate.most and at >= 0:
            if (removable := inside[at].removable) is not None:
                gone.append(removable)
                del inside[at]
            at -= 1
        return gone
