"""The states of everything that has a life, and every move between them that is allowed.

Python, the guarded updates, the CHECK constraints and the diagrams in ``docs/lifecycle.md`` are all
made from the tables below. Nothing else assigns a status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar


class EmailStatus(StrEnum):
    PENDING = "PENDING"
    QUEUED = "QUEUED"
    SENDING = "SENDING"
    COMMITTING = "COMMITTING"
    SENT = "SENT"
    RETRYING = "RETRYING"
    FAILED = "FAILED"
    IN_DOUBT = "IN_DOUBT"
    CANCELLED = "CANCELLED"


class EmailPhase(StrEnum):
    """What indexes know of an email's status: it changes only once on the way out, at its end."""

    OPEN = "OPEN"
    WAITING = "WAITING"
    SETTLED = "SETTLED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


PHASE_OF = {
    EmailStatus.PENDING: EmailPhase.OPEN,
    EmailStatus.QUEUED: EmailPhase.OPEN,
    EmailStatus.SENDING: EmailPhase.OPEN,
    EmailStatus.COMMITTING: EmailPhase.OPEN,
    EmailStatus.RETRYING: EmailPhase.WAITING,
    EmailStatus.IN_DOUBT: EmailPhase.WAITING,
    EmailStatus.SENT: EmailPhase.SETTLED,
    EmailStatus.FAILED: EmailPhase.FAILED,
    EmailStatus.CANCELLED: EmailPhase.CANCELLED,
}
UNDER_WAY = (EmailStatus.QUEUED, EmailStatus.SENDING, EmailStatus.COMMITTING)
"""Claimed, and not yet settled: emails that have a lease."""


class EmailEvent(StrEnum):
    CLAIM = "CLAIM"
    RELEASE = "RELEASE"
    RESCUE = "RESCUE"
    BEGIN = "BEGIN"
    COMMIT = "COMMIT"
    ACCEPT = "ACCEPT"
    RETRY = "RETRY"
    FAIL = "FAIL"
    LOSE_SIGHT = "LOSE_SIGHT"
    SETTLE_SENT = "SETTLE_SENT"
    SETTLE_FAILED = "SETTLE_FAILED"
    RESEND = "RESEND"
    REVIVE = "REVIVE"
    BOUNCE = "BOUNCE"
    REPLY = "REPLY"
    COMPLAIN = "COMPLAIN"
    CANCEL = "CANCEL"


class EnrollmentStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    REPLIED = "REPLIED"
    BOUNCED = "BOUNCED"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class EnrollmentEvent(StrEnum):
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    COMPLETE = "COMPLETE"
    REOPEN = "REOPEN"
    REPLY = "REPLY"
    BOUNCE = "BOUNCE"
    UNSUBSCRIBE = "UNSUBSCRIBE"
    FAIL = "FAIL"
    CANCEL = "CANCEL"


class SequenceStatus(StrEnum):
    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    ARCHIVED = "ARCHIVED"


class SequenceEvent(StrEnum):
    ACTIVATE = "ACTIVATE"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    COMPLETE = "COMPLETE"
    REOPEN = "REOPEN"
    ARCHIVE = "ARCHIVE"


class MailboxStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    NEEDS_AUTH = "NEEDS_AUTH"
    BLOCKED = "BLOCKED"
    REMOVED = "REMOVED"


class MailboxEvent(StrEnum):
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    REFUSE_LOGIN = "REFUSE_LOGIN"
    BLOCK = "BLOCK"
    UNBLOCK = "UNBLOCK"
    REMOVE = "REMOVE"
    RESTORE = "RESTORE"


class ContactStatus(StrEnum):
    ACTIVE = "ACTIVE"
    BOUNCED = "BOUNCED"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    DELETED = "DELETED"


class ContactEvent(StrEnum):
    BOUNCE = "BOUNCE"
    UNSUBSCRIBE = "UNSUBSCRIBE"
    DELETE = "DELETE"
    REINSTATE = "REINSTATE"


S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Move(Generic[S]):
    """An event's effect: from any of *sources* to *target*."""

    sources: frozenset[S]
    target: S


@dataclass(frozen=True, slots=True)
class Lifecycle(Generic[S, E]):
    """The states of one kind of thing, and the move that each event makes."""

    noun: str
    states: tuple[S, ...]
    first: S
    moves: Mapping[E, Move[S]]

    def sources(self, event: E) -> frozenset[S]:
        """The states in which *event* may happen."""
        return self.moves[event].sources

    def after(self, status: S, event: E) -> S | None:
        """The state after *event*; None when it may not happen in *status*."""
        move = self.moves[event]
        return move.target if status in move.sources else None


def _moves(table: Mapping[E, tuple[tuple[S, ...], S]]) -> dict[E, Move[S]]:
    return {event: Move(frozenset(sources), target) for event, (sources, target) in table.items()}


_M = EmailStatus
EMAIL: Lifecycle[EmailStatus, EmailEvent] = Lifecycle(
    "scheduled email",
    tuple(EmailStatus),
    EmailStatus.PENDING,
    _moves(
        {
            EmailEvent.CLAIM: ((_M.PENDING,), _M.QUEUED),
            # The gate lets go of what may not leave now, and a recalculation of a retry whose slot broke.
            EmailEvent.RELEASE: ((_M.QUEUED, _M.SENDING, _M.RETRYING), _M.PENDING),
            # Whoever held it is gone, and nothing was handed over yet.
            EmailEvent.RESCUE: ((_M.QUEUED, _M.SENDING), _M.PENDING),
            EmailEvent.BEGIN: ((_M.QUEUED, _M.RETRYING), _M.SENDING),
            EmailEvent.COMMIT: ((_M.SENDING,), _M.COMMITTING),
            # A 250 that its owner reads after a rescue still counts.
            EmailEvent.ACCEPT: ((_M.COMMITTING, _M.IN_DOUBT), _M.SENT),
            EmailEvent.RETRY: ((_M.SENDING, _M.COMMITTING), _M.RETRYING),
            EmailEvent.FAIL: ((_M.SENDING, _M.COMMITTING), _M.FAILED),
            EmailEvent.LOSE_SIGHT: ((_M.COMMITTING,), _M.IN_DOUBT),
            EmailEvent.SETTLE_SENT: ((_M.IN_DOUBT,), _M.SENT),
            EmailEvent.SETTLE_FAILED: ((_M.IN_DOUBT,), _M.FAILED),
            EmailEvent.RESEND: ((_M.IN_DOUBT,), _M.RETRYING),
            # Someone has it tried anew after it was given up; the planner finds it a time.
            EmailEvent.REVIVE: ((_M.FAILED,), _M.PENDING),
            # What came back later: the mailbox's server had accepted it all the same.
            EmailEvent.BOUNCE: ((_M.SENT,), _M.SENT),
            EmailEvent.REPLY: ((_M.SENT,), _M.SENT),
            EmailEvent.COMPLAIN: ((_M.SENT,), _M.SENT),
            EmailEvent.CANCEL: ((_M.PENDING, _M.QUEUED, _M.SENDING, _M.RETRYING), _M.CANCELLED),
        }
    ),
)

_N = EnrollmentStatus
_OPEN = (_N.ACTIVE, _N.PAUSED)
ENROLLMENT: Lifecycle[EnrollmentStatus, EnrollmentEvent] = Lifecycle(
    "enrollment",
    tuple(EnrollmentStatus),
    EnrollmentStatus.ACTIVE,
    _moves(
        {
            EnrollmentEvent.PAUSE: ((_N.ACTIVE,), _N.PAUSED),
            EnrollmentEvent.RESUME: ((_N.PAUSED,), _N.ACTIVE),
            EnrollmentEvent.COMPLETE: (_OPEN, _N.COMPLETED),
            # Someone has an email sent again that was in doubt, or had failed and ended it.
            EnrollmentEvent.REOPEN: ((_N.COMPLETED, _N.FAILED), _N.ACTIVE),
            EnrollmentEvent.REPLY: (_OPEN, _N.REPLIED),
            EnrollmentEvent.BOUNCE: (_OPEN, _N.BOUNCED),
            EnrollmentEvent.UNSUBSCRIBE: (_OPEN, _N.UNSUBSCRIBED),
            EnrollmentEvent.FAIL: (_OPEN, _N.FAILED),
            EnrollmentEvent.CANCEL: (_OPEN, _N.CANCELLED),
        }
    ),
)

_Q = SequenceStatus
SEQUENCE: Lifecycle[SequenceStatus, SequenceEvent] = Lifecycle(
    "sequence",
    tuple(SequenceStatus),
    SequenceStatus.DRAFT,
    _moves(
        {
            SequenceEvent.ACTIVATE: ((_Q.DRAFT,), _Q.ACTIVE),
            SequenceEvent.PAUSE: ((_Q.ACTIVE,), _Q.PAUSED),
            SequenceEvent.RESUME: ((_Q.PAUSED,), _Q.ACTIVE),
            SequenceEvent.COMPLETE: ((_Q.ACTIVE,), _Q.COMPLETED),
            SequenceEvent.REOPEN: ((_Q.COMPLETED,), _Q.ACTIVE),
            SequenceEvent.ARCHIVE: ((_Q.DRAFT, _Q.ACTIVE, _Q.PAUSED, _Q.COMPLETED), _Q.ARCHIVED),
        }
    ),
)

_B = MailboxStatus
_LIVE = (_B.ACTIVE, _B.PAUSED, _B.NEEDS_AUTH, _B.BLOCKED)
MAILBOX: Lifecycle[MailboxStatus, MailboxEvent] = Lifecycle(
    "mailbox",
    tuple(MailboxStatus),
    MailboxStatus.ACTIVE,
    _moves(
        {
            MailboxEvent.PAUSE: ((_B.ACTIVE, _B.NEEDS_AUTH, _B.BLOCKED), _B.PAUSED),
            MailboxEvent.RESUME: ((_B.PAUSED, _B.NEEDS_AUTH, _B.BLOCKED), _B.ACTIVE),
            MailboxEvent.REFUSE_LOGIN: ((_B.ACTIVE, _B.BLOCKED), _B.NEEDS_AUTH),
            MailboxEvent.BLOCK: ((_B.ACTIVE,), _B.BLOCKED),
            MailboxEvent.UNBLOCK: ((_B.BLOCKED,), _B.ACTIVE),
            MailboxEvent.REMOVE: (_LIVE, _B.REMOVED),
            # It forgot its passwords, so a person lets it send again.
            MailboxEvent.RESTORE: ((_B.REMOVED,), _B.PAUSED),
        }
    ),
)

_C = ContactStatus
CONTACT: Lifecycle[ContactStatus, ContactEvent] = Lifecycle(
    "contact",
    tuple(ContactStatus),
    ContactStatus.ACTIVE,
    _moves(
        {
            ContactEvent.BOUNCE: ((_C.ACTIVE,), _C.BOUNCED),
            ContactEvent.UNSUBSCRIBE: ((_C.ACTIVE, _C.BOUNCED), _C.UNSUBSCRIBED),
            ContactEvent.DELETE: ((_C.ACTIVE, _C.BOUNCED, _C.UNSUBSCRIBED), _C.DELETED),
            # Someone took the address off the suppression list, and answers for it.
            ContactEvent.REINSTATE: ((_C.BOUNCED, _C.UNSUBSCRIBED), _C.ACTIVE),
        }
    ),
)

LIFECYCLES = (EMAIL, ENROLLMENT, SEQUENCE, MAILBOX, CONTACT)
