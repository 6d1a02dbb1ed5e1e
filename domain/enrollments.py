"""Enrollments as planning sees them: one contact on its way through one sequence."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.ids import EnrollmentId, MailboxId, SequenceId
from domain.itineraries import Leg
from domain.send_window import Calendar, local_date
from domain.sequences import Sequence
from domain.waits import days_after


@dataclass(frozen=True, slots=True)
class Enrollment:
    """
    What planning needs to know of one enrollment.

    *mailbox_id* is the one of its sequence's mailboxes that it is bound to. *last_window_day* is the window's
    day of the step that left last, and *left_at* its instant, planned while it is on its way: from them the
    next wait counts; None before the first. *legs* are the remaining steps in order. Instants are in UTC.
    """

    id: EnrollmentId
    sequence: Sequence
    enrolled_at: datetime
    legs: tuple[Leg, ...]
    mailbox_id: MailboxId | None = None
    last_window_day: date | None = None
    left_at: datetime | None = None
    not_before: datetime | None = None
    # It may leave its mailbox: the mailbox is gone, or it has not started and a rebalance was asked for.
    may_change_mailbox: bool = False
    # A slot that is earlier by more than the threshold is worth a move.
    may_gain: bool = False
    # How long it was on hold before its first step, whose wait does not count that.
    held_for: timedelta = timedelta()
    # When it gave its place to a newcomer of another sequence, which it does once at most.
    displaced_at: datetime | None = None
    # Not yet started, it gives its place to a newcomer of this sequence that would have to wait longer.
    yields_to: SequenceId | None = None
    # In lower case; needed only where one of the mailboxes has a cap for it.
    recipient_domain: str | None = None

    @property
    def calendar(self) -> Calendar:
        return self.sequence.calendar

    def earliest_day(self, leg: Leg, day_before: date | None) -> date:
        """
        The first local date on which the window that *leg* leaves in may open.

        A first step that may leave at once may use a window that opened on the evening before and is open.
        """
        if day_before is not None:
            return leg.wait.first_day(day_before, self.calendar.closed)
        if leg.wait.may_end_at_once:
            return days_after(local_date(self.enrolled_at, self.calendar.zone), -1)
        return leg.wait.first_day(self.waits_since, self.calendar.closed)

    @property
    def waits_since(self) -> date:
        """The local date that the wait of a first step counts from: later by the whole days on hold."""
        return days_after(local_date(self.enrolled_at, self.calendar.zone), self.held_for.days)

    def earliest_instant(self, leg: Leg) -> datetime | None:
        """The instant before which *leg*, the first of those that remain, must not leave."""
        minutes = leg.wait.minutes
        if minutes is None:
            return self.not_before
        ended_at = (self.left_at or self.enrolled_at + self.held_for) + minutes
        return ended_at if self.not_before is None else max(ended_at, self.not_before)

    @property
    def is_newcomer(self) -> bool:
        """Whether it is to start, and nothing of it was ever placed; who keeps a pace shares no room."""
        return (
            self.sequence.pace is None
            and self.last_window_day is None
            and self.mailbox_id is None
            and all(leg.held is None for leg in self.legs)
        )

    @property
    def turn(self) -> tuple[bool, int, datetime, int]:
        """
        Who is planned first: high priority, then who came first; the id decides between equals.

        Before all of them who keeps a pace: it wants one instant, the others any slot of a day.
        """
        sequence = self.sequence
        return (sequence.pace is None, -sequence.priority, self.enrolled_at, self.id.int)
