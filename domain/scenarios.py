"""Scenarios: sequences, mailboxes and contacts as they might be, and what changes from day to day."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.ids import MailboxId, SequenceId
from domain.mailboxes import Mailbox
from domain.recalculations import RecalculationCause
from domain.send_window import instant
from domain.sequences import Sequence
from domain.waits import Wait


@dataclass(frozen=True, slots=True)
class Course:
    """A sequence and the waits of its steps in order."""

    sequence: Sequence
    waits: tuple[Wait, ...]


@dataclass(frozen=True, slots=True)
class Joining:
    """
    *number* contacts are enrolled in a sequence when day *on_day* begins.

    The first of them are *known*, who joined another sequence before: by their numbers, from 1, as they came.
    """

    on_day: int
    sequence_id: SequenceId
    number: int
    known: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MailboxChange:
    """
    A mailbox is paused, resumed, removed or gets another capacity when day *on_day* begins.

    The emails of a paused one wait for it; those of a removed one are handed over. *daily_capacity* is set
    for CAPACITY_CHANGED.
    """

    on_day: int
    cause: RecalculationCause
    mailbox_id: MailboxId
    daily_capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Night:
    """Room that became free is given to emails that are planned later, when day *on_day* begins."""

    on_day: int


Change = Joining | MailboxChange | Night


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    What a simulation begins with, and what happens in it.

    Days count from 1, which is *start*, and begin at midnight in *zone*. *reply_rate* is the share of sent
    emails that are answered; which ones they are depends on *seed* alone. *contact_min_gap_days* lie at
    least between what different sequences send to one contact; None is any number.
    """

    zone: ZoneInfo
    start: date
    courses: tuple[Course, ...]
    mailboxes: tuple[Mailbox, ...]
    joinings: tuple[Joining, ...]
    changes: tuple[MailboxChange, ...] = ()
    reply_rate: float = 0.0
    seed: int = 0
    contact_min_gap_days: int | None = None

    def date_of(self, day: int) -> date:
        return self.start + timedelta(days=day - 1)

    def beginning_of(self, day: int) -> datetime:
        """When *day* begins, in UTC."""
        return instant(self.date_of(day), time(0), self.zone)

    def day_of(self, moment: datetime) -> int:
        return (moment.astimezone(self.zone).date() - self.start).days + 1

    def news(self) -> dict[int, list[tuple[Change, ...]]]:
        """By day, what is replanned for together: each change of a mailbox, then all who join."""
        news: dict[int, list[tuple[Change, ...]]] = {}
        for change in self.changes:
            news.setdefault(change.on_day, []).append((change,))
        for day in {joining.on_day for joining in self.joinings}:
            together = tuple(joining for joining in self.joinings if joining.on_day == day)
            news.setdefault(day, []).append(together)
        return news
