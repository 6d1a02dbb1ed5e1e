"""Sequences as planning sees them: when their emails may leave, and through whom."""

from dataclasses import dataclass
from datetime import timedelta

from domain.ids import MailboxId, SequenceId
from domain.send_window import Calendar

# Beside a sequence of weight 1 it then has nearly all the room.
HIGHEST_WEIGHT = 100


# Compared by identity: planning asks for thousands of enrollments which of a few sequences they are in.
@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """
    The *calendar* of one sequence (in one zone, where contacts are served in theirs) and its mailboxes.

    Of the room for new starts it has as much as its *weight* says, beside others of the same *priority*.
    With a *pace*, the least time between two of its emails, each leaves as soon as that allows; without, they
    are spread evenly over their days. *max_new_contacts_per_day* limits who starts on one day of the window;
    None is any number. Unless it *is_sending*, as a draft is not nor one on hold, its emails wait in their
    slots: none is late, and none is pulled forward.
    """

    id: SequenceId
    calendar: Calendar
    mailbox_ids: tuple[MailboxId, ...]
    priority: int = 0
    weight: int = 1
    max_new_contacts_per_day: int | None = None
    pace: timedelta | None = None
    is_sending: bool = True
