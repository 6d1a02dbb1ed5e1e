"""Ids of an input, one function per kind, so that a mailbox is never taken for a sequence."""

from collections.abc import Sequence
from uuid import UUID

from api.errors import UserErrorCode
from api.inputs import values
from api.inputs.problems import Problems
from domain.ids import ContactId, EmailId, EnrollmentId, MailboxId, SequenceId, StepId

# Stands in for an id that cannot be read, until the reading ends with its problem.
_NONE = UUID(int=0)
MOST_MAILBOXES = 1_000


def sequence_key(text: str, problems: Problems) -> SequenceId:
    return SequenceId(_key("Sequence", text, problems, "sequenceId"))


def step_key(text: str, problems: Problems) -> StepId:
    return StepId(_key("Step", text, problems, "stepId"))


def mailbox_key(text: str, problems: Problems) -> MailboxId:
    return MailboxId(_key("Mailbox", text, problems, "mailboxId"))


def contact_key(text: str, problems: Problems) -> ContactId:
    return ContactId(_key("Contact", text, problems, "contactId"))


def enrollment_key(text: str, problems: Problems) -> EnrollmentId:
    return EnrollmentId(_key("Enrollment", text, problems, "enrollmentId"))


def email_key(text: str, problems: Problems) -> EmailId:
    return EmailId(_key("ScheduledEmail", text, problems, "emailId"))


def api_key_key(text: str, problems: Problems) -> UUID:
    return _key("ApiKey", text, problems, "apiKeyId")


def member_key(text: str, problems: Problems) -> UUID:
    return _key("Member", text, problems, "memberId")


def invitation_key(text: str, problems: Problems) -> UUID:
    return _key("Invitation", text, problems, "invitationId")


def mailbox_keys(texts: Sequence[str], problems: Problems, *, most: int = MOST_MAILBOXES) -> list[MailboxId]:
    keys = _keys("Mailbox", texts, problems, "mailboxIds", most=most)
    return [MailboxId(key) for key in keys]


def contact_keys(texts: Sequence[str], problems: Problems, *, most: int) -> list[ContactId]:
    return [ContactId(key) for key in _keys("Contact", texts, problems, "contactIds", most=most)]


def _key(kind: str, text: str, problems: Problems, *path: str) -> UUID:
    with problems.at(*path):
        return values.object_id(kind, text)
    return _NONE


def _keys(kind: str, texts: Sequence[str], problems: Problems, field: str, *, most: int) -> list[UUID]:
    if len(texts) > most:
        problems.add(UserErrorCode.TOO_MANY, f"There are more than {most}.", field)
        return []
    return [_key(kind, text, problems, field, str(index)) for index, text in enumerate(texts)]
