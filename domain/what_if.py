"""A change that is not made yet: more contacts, another capacity, more mailboxes like the present ones."""

from collections.abc import Mapping
from collections.abc import Sequence as Listed
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import cycle, islice
from uuid import UUID

from domain.contact_gap import ContactGap
from domain.enrollments import Enrollment
from domain.ids import EnrollmentId, MailboxId
from domain.itineraries import Leg
from domain.layouts import Layouts
from domain.mailboxes import Mailbox
from domain.plan import Plan, Taken
from domain.planning import plan
from domain.send_window import Calendar
from domain.sequences import Sequence
from domain.starts import StartDay

# The end of the range of UUIDs, where no version of them lies: real things never have these.
_IMAGINARY = 2**128 - 2**32


class NoMailboxToCopy(Exception):
    """More mailboxes like those of a sequence were asked for that has none."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """*daily_capacity* is that of every mailbox of the sequence, 0 unlimited; None leaves theirs."""

    additional_contacts: int = 0
    daily_capacity: int | None = None
    additional_mailboxes: int = 0

    @property
    def spreads_anew(self) -> bool:
        """Whether emails that are planned may go to an earlier time or, unstarted, to another mailbox."""
        return self.daily_capacity is not None or self.additional_mailboxes > 0


@dataclass(frozen=True, slots=True)
class Situation:
    """
    One sequence and everything that its plan depends on.

    *steps* are what a contact is sent that is enrolled at *now*. *taken* are the emails of other sequences
    and those under way, *calendars* those of all sequences that a mailbox serves; *mailboxes* are the linked
    ones and those that an enrollment is still bound to. *starts* are what planning is told, *layouts* what it
    has laid out before.
    """

    sequence: Sequence
    steps: tuple[Leg, ...]
    enrollments: tuple[Enrollment, ...]
    mailboxes: tuple[Mailbox, ...]
    taken: tuple[Taken, ...]
    calendars: Mapping[MailboxId, Listed[Calendar]]
    now: datetime
    starts: Mapping[StartDay, int] = field(default_factory=dict)
    layouts: Layouts = field(default_factory=Layouts)
    contact_gap: ContactGap | None = None

    @property
    def linked(self) -> tuple[Mailbox, ...]:
        """The mailboxes that may serve the sequence."""
        return tuple(box for box in self.mailboxes if box.id in self.sequence.mailbox_ids)

    @property
    def email_count(self) -> int:
        """Emails that are still to be placed or have a time already."""
        return sum(len(each.legs) for each in self.enrollments)

    def plan(self) -> Plan:
        return plan(
            self.enrollments,
            self.mailboxes,
            now=self.now,
            taken=self.taken,
            calendars=self.calendars,
            starts=self.starts,
            layouts=self.layouts,
            contact_gap=self.contact_gap,
        )

    def after(self, change: WhatIf) -> "Situation":
        """
        The situation if *change* were made now; the emails of other sequences stay where they are.

        Raises:
            NoMailboxToCopy: If there are to be more mailboxes like those of a sequence without any.
        """
        boxes = tuple([self._with_capacity(each, change.daily_capacity) for each in self.mailboxes])
        copies = self._copies(replace(self, mailboxes=boxes).linked, change.additional_mailboxes)
        sequences = self._sequences_with(copies)
        present = (
            replace(
                each,
                sequence=sequences[each.sequence],
                may_gain=each.may_gain or change.spreads_anew,
                # Started is who was sent something: its follow-ups come from the same mailbox.
                may_change_mailbox=each.may_change_mailbox
                or (change.spreads_anew and each.last_window_day is None),
            )
            for each in self.enrollments
        )
        imagined = (
            Enrollment(_enrollment_id(number), sequences[self.sequence], self.now, self.steps)
            for number in range(change.additional_contacts)
        )
        return replace(
            self,
            sequence=sequences[self.sequence],
            enrollments=(*present, *imagined),
            mailboxes=(*boxes, *copies),
        )

    def _with_capacity(self, mailbox: Mailbox, daily_capacity: int | None) -> Mailbox:
        if daily_capacity is None or mailbox.id not in self.sequence.mailbox_ids:
            return mailbox
        return replace(mailbox, daily_capacity=daily_capacity)

    def _copies(self, linked: tuple[Mailbox, ...], number: int) -> tuple[Mailbox, ...]:
        """Copies of the mailboxes that send, in turn; of all, where none does."""
        if number == 0:
            return ()
        models = [box for box in linked if box.is_available] or list(linked)
        if not models:
            raise NoMailboxToCopy
        return tuple(
            replace(model, id=_mailbox_id(at), is_available=True)
            for at, model in enumerate(islice(cycle(models), number))
        )

    def _sequences_with(self, copies: tuple[Mailbox, ...]) -> Mapping[Sequence, Sequence]:
        """The sequence in each zone that it is served in, the *copies* linked to it."""
        found = dict.fromkeys([self.sequence, *(each.sequence for each in self.enrollments)])
        if not copies:
            return {each: each for each in found}
        ids = tuple(copy.id for copy in copies)
        return {each: replace(each, mailbox_ids=(*each.mailbox_ids, *ids)) for each in found}


def is_imaginary(mailbox: Mailbox) -> bool:
    """Whether *mailbox* exists only in a what-if."""
    return mailbox.id.int >= _IMAGINARY


def _mailbox_id(number: int) -> MailboxId:
    return MailboxId(UUID(int=_IMAGINARY + number))


def _enrollment_id(number: int) -> EnrollmentId:
    return EnrollmentId(UUID(int=_IMAGINARY + number))
