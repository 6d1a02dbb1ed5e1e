"""Enrollments as planning sees them: one contact on its way through one sequence."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.ids import EnrollmentId, MailboxId, SequenceId
from domain.itineraries import Leg
from domain.send_window import Calendar
from domain.sequences import Sequence


@dataclass(frozen=True, slots=True)
class Enrollment:
    """
    What planning needs to know of one enrollment.

    *mailbox_id* is the one of its sequence's mailboxes that it is bound to. *last_window_day* is the window's
    day of the step that left last, from which the next wait counts; None before the first. *legs* are the
    remaining steps in order. *enrolled_at* and *not_before* are in UTC.
    """

    id: EnrollmentId
    sequence: Sequence
    enrolled_at: datetime
    legs: tuple[Leg, ...]
    mailbox_id: MailboxId | None = None
    last_window_day: date | None = None
    not_before: datetime | None = None
    # It may leave its mailbox: the mailbox is gone, or it has not started and a rebalance was asked for.
    may_change_mailbox: bool = False
    # A slot that is earlier by more than the threshold is worth a move.
    may_gain: bool = False
    # When it gave its place to a newcomer of another sequence, which it does once at most.
    displaced_at: datetime | None = None
    # Not yet started, it gives its place to a newcomer of this sequence that would have to wait longer.
    yields_to: SequenceId | None = None

    @property
    def calendar(self) -> Calendar:
        return self.sequence.calendar

    def earliest_day(self, leg: Leg, day_before: date | None) -> date:
        """
        The first local date on which the window that *leg* leaves in may open.

        A first step without a wait may use a window that opened on the evening before and is still open.
        """
        if day_before is not None:
            return day_before + timedelta(days=leg.wait_days)
        enrolled_on = self.enrolled_at.astimezone(self.calendar.zone).date()
        return enrolled_on + timedelta(days=leg.wait_days or -1)

    @property
    def is_newcomer(self) -> bool:
        """Whether it is to start, and nothing of it was ever placed."""
        return (
            self.last_window_day is None
            and self.mailbox_id is None
            and all(leg.held is None for leg in self.legs)
        )

    @property
    def turn(self) -> tuple[int, datetime, int]:
        """Who is planned first: high priority, then who came first; the id decides between equals."""
        return (-self.sequence.priority, self.enrolled_at, self.id.int)
