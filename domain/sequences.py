"""Sequences as planning sees them: when their emails may leave, and through whom."""

from dataclasses import dataclass

from domain.ids import MailboxId, SequenceId
from domain.send_window import Calendar


# Compared by identity: planning asks for thousands of enrollments which of a few sequences they are in.
@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """
    The *calendar* of one sequence (in one zone, where contacts are served in theirs) and its mailboxes.

    *max_new_contacts_per_day* limits who starts on one day of the window; None is any number.
    """

    id: SequenceId
    calendar: Calendar
    mailbox_ids: tuple[MailboxId, ...]
    priority: int = 0
    max_new_contacts_per_day: int | None = None
