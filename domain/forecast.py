"""Forecasts: when a sequence is done, how many emails leave on each day, and when each mailbox is full."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import fsum
from zoneinfo import ZoneInfo

from domain.ids import MailboxId
from domain.itineraries import Slot, UnplacedReason
from domain.mailboxes import UNLIMITED, Mailbox
from domain.plan import Plan, Taken
from domain.what_if import Situation


@dataclass(frozen=True, slots=True)
class DayLoad:
    """Emails of one sequence on *day*: exactly, and as expected where contacts reply."""

    day: date
    emails: int
    expected_emails: float


@dataclass(frozen=True, slots=True)
class MailboxForecast:
    """
    What one mailbox sends of the sequence, by its own local days.

    It is full first on *full_on*, the first day from today on whose capacity is used up, the emails of other
    sequences included; None if no day is, or its capacity is unlimited.
    """

    mailbox: Mailbox
    full_on: date | None
    days: tuple[DayLoad, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """
    What becomes of a sequence, exact if nobody replies.

    *completes_at*, in UTC, is when the last email leaves, *completes_on* that day in the sequence's zone:
    None when nothing is left to send, or some emails have no time; *unplaced* says how many and why.
    *emails* have a time. *days* are in the sequence's zone.
    """

    contacts: int
    emails: int
    expected_emails: float
    completes_at: datetime | None
    completes_on: date | None
    unplaced: Mapping[UnplacedReason, int]
    days: tuple[DayLoad, ...]
    mailboxes: tuple[MailboxForecast, ...]


def forecast(situation: Situation, *, reply_rate: float = 0.0) -> Forecast:
    """
    Plan *situation* and add up what leaves when.

    A reply ends the rest of its itinerary. With a chance of *reply_rate*, from 0 to 1, after each email that
    was sent, the email that comes after k others of the same contact leaves with a chance of
    (1 - reply_rate)^k. For contacts who are all at the beginning, the sum of it is: over all steps,
    contacts × (1 - reply_rate)^(step - 1). Times are those of the exact plan: slots that a reply sets free
    are not counted as used by others.
    """
    made = situation.plan()
    leaving = [(slot, (1 - reply_rate) ** sent_before) for slot, sent_before in _slots(made)]
    unplaced = Counter(
        email.unplaced_reason
        for itinerary in made.itineraries
        for email in itinerary.emails
        if email.unplaced_reason is not None
    )
    zone = situation.sequence.calendar.zone
    completes_at = max((slot.send_at for slot, _ in leaving), default=None) if not unplaced else None
    return Forecast(
        contacts=sum(bool(itinerary.emails) for itinerary in made.itineraries),
        emails=len(leaving),
        expected_emails=fsum(chance for _, chance in leaving),
        completes_at=completes_at,
        completes_on=None if completes_at is None else completes_at.astimezone(zone).date(),
        unplaced=unplaced,
        days=_loads((slot.send_at.astimezone(zone).date(), chance) for slot, chance in leaving),
        mailboxes=_by_mailbox(situation, leaving),
    )


def _slots(made: Plan) -> Iterator[tuple[Slot, int]]:
    """The slots of a plan, each with how many emails its contact is sent before it."""
    for itinerary in made.itineraries:
        for sent_before, email in enumerate(itinerary.emails):
            if email.slot is not None:
                yield email.slot, sent_before


def _loads(leaving: Iterable[tuple[date, float]]) -> tuple[DayLoad, ...]:
    emails: Counter[date] = Counter()
    expected: dict[date, float] = {}
    for day, chance in leaving:
        emails[day] += 1
        expected[day] = expected.get(day, 0.0) + chance
    return tuple([DayLoad(day, emails[day], expected[day]) for day in sorted(emails)])


def _by_mailbox(situation: Situation, leaving: list[tuple[Slot, float]]) -> tuple[MailboxForecast, ...]:
    its_own: dict[MailboxId, list[tuple[date, float]]] = {box.id: [] for box in situation.mailboxes}
    for slot, chance in leaving:
        its_own[slot.mailbox_id].append((slot.send_day, chance))
    found = []
    used = used_days(situation)
    for box in situation.mailboxes:
        loads = _loads(its_own[box.id])
        all_of_it = Counter({load.day: load.emails for load in loads}) + used[box.id]
        today = situation.now.astimezone(box.zone).date()
        found.append(MailboxForecast(box, _full_on(box, all_of_it, today=today), loads))
    return tuple(found)


def used_days(situation: Situation) -> Mapping[MailboxId, Counter[date]]:
    """How many emails outside of the plan each mailbox has on each of its local days."""
    zones: dict[MailboxId, ZoneInfo] = {box.id: box.zone for box in situation.mailboxes}
    used: dict[MailboxId, Counter[date]] = {mailbox_id: Counter() for mailbox_id in zones}
    for other in situation.taken:
        if other.mailbox_id in zones:
            used[other.mailbox_id][_local_day(other, zones[other.mailbox_id])] += 1
    return used


def _local_day(other: Taken, zone: ZoneInfo) -> date:
    return other.send_at.astimezone(zone).date()


def _full_on(mailbox: Mailbox, emails: Mapping[date, int], *, today: date) -> date | None:
    full = (
        day
        for day in sorted(emails)
        if day >= today and (capacity := mailbox.capacity_on(day)) != UNLIMITED and emails[day] >= capacity
    )
    return next(full, None)
