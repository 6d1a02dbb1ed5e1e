"""What holds an email that has not left: whoever put something on hold, or cannot send."""

from enum import StrEnum

from domain.lifecycle import EmailStatus, EnrollmentStatus, MailboxStatus, SequenceStatus

# Taken up by a worker, an email is not held any more; settled or in doubt, nothing waits.
_MAY_BE_HELD = (EmailStatus.PENDING, EmailStatus.QUEUED, EmailStatus.RETRYING)


class EmailHold(StrEnum):
    """In the order in which the gate asks."""

    WORKSPACE = "WORKSPACE"
    MAILBOX = "MAILBOX"
    SEQUENCE = "SEQUENCE"
    ENROLLMENT = "ENROLLMENT"


def holds_of(
    email: EmailStatus,
    *,
    mailbox: MailboxStatus | None,
    sequence: SequenceStatus,
    enrollment: EnrollmentStatus,
    is_sending_paused: bool,
) -> list[EmailHold]:
    """All that has to change before *email* can leave; without a time, it has no *mailbox*."""
    if email not in _MAY_BE_HELD:
        return []
    held = {
        EmailHold.WORKSPACE: is_sending_paused,
        EmailHold.MAILBOX: mailbox not in (None, MailboxStatus.ACTIVE),
        EmailHold.SEQUENCE: sequence is not SequenceStatus.ACTIVE,
        EmailHold.ENROLLMENT: enrollment is EnrollmentStatus.PAUSED,
    }
    return [hold for hold, is_so in held.items() if is_so]
