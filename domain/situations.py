"""Situations: everything that a plan is made of, as it was found at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.contact_gap import ContactGap
from domain.draft import Draft
from domain.enrollments import Enrollment
from domain.ids import MailboxId
from domain.layouts import Layouts
from domain.mailboxes import Mailbox
from domain.plan import Plan, TakenDay
from domain.planning import plan
from domain.send_window import Calendar
from domain.starts import StartDay


@dataclass(frozen=True, slots=True)
class Situation:
    """The arguments of :func:`plan`."""

    enrollments: Sequence[Enrollment]
    mailboxes: Sequence[Mailbox]
    now: datetime
    taken: Sequence[TakenDay]
    calendars: Mapping[MailboxId, Sequence[Calendar]]
    starts: Mapping[StartDay, int]
    pulls_forward: bool = False
    contact_gap: ContactGap | None = None

    def __call__(self) -> Plan:
        return plan(
            self.enrollments,
            self.mailboxes,
            now=self.now,
            taken=self.taken,
            calendars=self.calendars,
            starts=self.starts,
            pulls_forward=self.pulls_forward,
            contact_gap=self.contact_gap,
        )

    def draft(self) -> Draft:
        """A fresh one, in which nobody has a place yet but those outside of the plan."""
        return Draft(
            self.enrollments,
            self.mailboxes,
            now=self.now,
            taken=self.taken,
            calendars=self.calendars,
            starts=self.starts,
            layouts=Layouts(),
            contact_gap=self.contact_gap,
        )
