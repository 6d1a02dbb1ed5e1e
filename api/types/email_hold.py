"""What holds an email that has not left, and what lets it go."""

from collections.abc import Mapping
from types import MappingProxyType

from api.vocabulary import described
from domain.email_holds import EmailHold, holds_of
from domain.lifecycle import EmailStatus, EnrollmentStatus, MailboxStatus, SequenceStatus
from persistence.reading.pages import AnyRow

_H = EmailHold
described(
    EmailHold,
    description="What keeps emails from leaving although they have a time.",
    values={
        _H.WORKSPACE: "All sending of the workspace is paused.",
        _H.MAILBOX: "The mailbox is paused, blocked, or its login has to be repaired: its status says which.",
        _H.SEQUENCE: "The sequence is a draft, or paused.",
        _H.ENROLLMENT: "The enrollment is paused.",
    },
)

_S = MailboxStatus
_MAILBOX_HELPS: Mapping[MailboxStatus, str] = MappingProxyType(
    {
        _S.PAUSED: "Resume the mailbox (resumeMailbox).",
        _S.NEEDS_AUTH: (
            "Repair what the mailbox's statusReason says (updateMailbox), and resume it (resumeMailbox)."
        ),
        _S.BLOCKED: "Wait until the mailbox's blockedUntil, or resume it before (resumeMailbox).",
        _S.REMOVED: "Restore the mailbox (restoreMailbox).",
    }
)
_HELPS: Mapping[EmailHold, str] = MappingProxyType(
    {
        _H.WORKSPACE: "Let the workspace send again (resumeSending).",
        _H.SEQUENCE: "Let the sequence send (resumeSequence, of a draft activateSequence).",
        _H.ENROLLMENT: "Let the enrollment go on (resumeEnrollment).",
    }
)


def held_by(email: EmailStatus, row: AnyRow) -> list[EmailHold]:
    """What holds an email of which `holding` was read."""
    return holds_of(
        email,
        mailbox=None if row.mailbox_status is None else MailboxStatus(row.mailbox_status),
        sequence=SequenceStatus(row.sequence_status),
        enrollment=EnrollmentStatus(row.enrollment_status),
        is_sending_paused=row.sending_paused_at is not None,
    )


def what_helps_held(email: EmailStatus, row: AnyRow) -> list[str]:
    return [
        _MAILBOX_HELPS[MailboxStatus(row.mailbox_status)] if hold is EmailHold.MAILBOX else _HELPS[hold]
        for hold in held_by(email, row)
    ]
