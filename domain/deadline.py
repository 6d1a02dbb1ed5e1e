"""Deadlines: how late a sequence is, and the smallest changes that bring it home in time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from math import ceil

from domain.agenda import HORIZON_DAYS
from domain.forecast import Forecast, forecast, used_days
from domain.mailboxes import UNLIMITED
from domain.what_if import NoMailboxToCopy, Situation, WhatIf

MOST_MAILBOXES = 1_000
# A plan takes about 20 microseconds per email: together half a minute, or a minute for the largest sequences.
_MOST_PLANS = 24
_LEAST_PLANS = 6
_MOST_EMAILS_PLANNED = 1_500_000


class PastDeadline(ValueError):
    """The deadline is before *today* in the sequence's zone."""

    def __init__(self, today: date) -> None:
        super().__init__(f"before {today}")
        self.today = today


@dataclass(frozen=True, slots=True)
class Fix:
    """
    *amount* suffices; *is_smallest* says that one less is known not to.

    On large sequences the bound on the work may end the search before that is known.
    """

    amount: int
    is_smallest: bool


@dataclass(frozen=True, slots=True)
class Punctuality:
    """
    A forecast held against *deadline*, the last day in the sequence's zone on which emails may leave.

    *days_late* is None where some email has no time at all. *sending_days* are those with an open window
    from today to the deadline; *needed_per_day* spreads all emails over them (None without any), and
    *available_per_day* is what the sequence's mailboxes have left on average beside other emails (None
    without any, or if unlimited). The fixes are alternatives, and come on top of the change that was asked
    for: so many mailboxes more, or this daily capacity for each. None: met already, or no number suffices.
    """

    deadline: date
    is_met: bool
    days_late: int | None
    sending_days: int
    needed_per_day: int | None
    available_per_day: int | None
    more_mailboxes: Fix | None = None
    daily_capacity: Fix | None = None


def punctuality(
    situation: Situation, change: WhatIf, found: Forecast, *, deadline: date, plans: int | None = None
) -> Punctuality:
    """
    Hold *found*, the forecast of *situation* after *change*, against *deadline* and look for fixes.

    Each fix is tried by planning it, at most *plans* times for both.

    Raises:
        PastDeadline: If it is before today.
    """
    after = situation.after(change)
    days = _sending_days(after, deadline)
    to_send = found.emails + sum(found.unplaced.values())
    plain = Punctuality(
        deadline=deadline,
        is_met=_is_met(found, deadline),
        days_late=_days_late(found, deadline),
        sending_days=len(days),
        needed_per_day=ceil(to_send / len(days)) if days else None,
        available_per_day=_available_per_day(after, days),
    )
    if plain.is_met:
        return plain
    if plans is None:
        plans = min(_MOST_PLANS, max(_LEAST_PLANS, _MOST_EMAILS_PLANNED // max(1, to_send)))
    search = _Search(situation, change, plain, tries=plans // 2, to_send=to_send)
    return replace(plain, more_mailboxes=search.more_mailboxes(), daily_capacity=search.daily_capacity())


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for fixes of *late*; each may plan *tries* times."""

    situation: Situation
    change: WhatIf
    late: Punctuality
    tries: int
    to_send: int

    def more_mailboxes(self) -> Fix | None:
        has = self.change.additional_mailboxes
        most = min(MOST_MAILBOXES - has, self.to_send)
        missing = (self.late.needed_per_day or 0) - (self.late.available_per_day or 0)
        sending = [box for box in self.situation.after(self.change).linked if box.is_available]
        each = (self.late.available_per_day or 0) / max(1, len(sending))
        return smallest(
            lambda number: self._suffices(replace(self.change, additional_mailboxes=has + number)),
            least=1,
            most=most,
            guess=ceil(missing / each) if each else 1,
            tries=self.tries,
        )

    def daily_capacity(self) -> Fix | None:
        boxes = [box for box in self.situation.after(self.change).linked if box.is_available]
        if not boxes:
            return None
        others = max(used.total() for used in used_days(self.situation).values())
        return smallest(
            lambda capacity: self._suffices(replace(self.change, daily_capacity=capacity)),
            least=1,
            # With as much the capacity of no day is used up: more is of no use.
            most=self.to_send + others,
            guess=ceil((self.late.needed_per_day or 1) / len(boxes)),
            tries=self.tries,
        )

    def _suffices(self, change: WhatIf) -> bool:
        try:
            return _is_met(forecast(self.situation.after(change)), self.late.deadline)
        except NoMailboxToCopy:
            return False


def smallest(suffices: Callable[[int], bool], *, least: int, most: int, guess: int, tries: int) -> Fix | None:
    """
    The smallest number from *least* to *most* that suffices, one below *least* being known not to.

    None if *most* does not. Looks near *guess* first, then halves what is left, for at most *tries* tries.
    """
    if most < least or tries < 1 or not suffices(most):
        return None
    low, high, step = least - 1, most, 1
    probe = max(guess, least)
    for _ in range(tries - 1):
        if high - low == 1:
            break
        if not low < probe < high:
            probe = (low + high) // 2
        if suffices(probe):
            high = probe
        else:
            low = probe
        if high == most:
            probe = low + step
        elif low == least - 1:
            probe = high - step
        else:
            probe = (low + high) // 2
        step *= 2
    return Fix(high, is_smallest=high - low == 1)


def _is_met(found: Forecast, deadline: date) -> bool:
    return not found.unplaced and (found.completes_on is None or found.completes_on <= deadline)


def _days_late(found: Forecast, deadline: date) -> int | None:
    if found.unplaced:
        return None
    return 0 if found.completes_on is None else max(0, (found.completes_on - deadline).days)


def _sending_days(situation: Situation, deadline: date) -> list[date]:
    """The days from today to *deadline* on which the window is still to be open."""
    calendar, now = situation.sequence.calendar, situation.now
    today = now.astimezone(calendar.zone).date()
    if deadline < today:
        raise PastDeadline(today)
    span = min((deadline - today).days + 1, HORIZON_DAYS)
    return [
        day
        for day in calendar.days(today, limit=span)
        if any(window.end > now for window in calendar.spans(day))
    ]


def _available_per_day(situation: Situation, days: list[date]) -> int | None:
    sending = [box for box in situation.linked if box.is_available]
    if not days or any(box.daily_capacity == UNLIMITED and box.ramp is None for box in sending):
        return None
    used = used_days(situation)
    left = sum(max(0, box.capacity_on(day) - used[box.id][day]) for box in sending for day in days)
    return left // len(days)
