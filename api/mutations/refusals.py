"""Refusals in the words of the API, each at the place of the input that it is about."""

from collections.abc import Collection
from uuid import UUID

from api.errors import UserError, UserErrorCode
from api.ids import global_id
from api.mutations.email_refusals import email_error
from persistence.refusals import (
    ContactNotWrittenTo,
    IsBatch,
    LastOwner,
    LaterEmailLeft,
    MailboxAddressTaken,
    NoActiveMailbox,
    NotInStatus,
    Noun,
    PlanBusy,
    Refusal,
    SequenceHasNoSteps,
    StaleObject,
    TimeNotAllowed,
    UnknownObject,
)

# The kind in an id, and the field of every input that holds one.
_KINDS = {
    Noun.SEQUENCE: ("Sequence", "sequenceId"),
    Noun.STEP: ("Step", "stepId"),
    Noun.MAILBOX: ("Mailbox", "mailboxId"),
    Noun.CONTACT: ("Contact", "contactId"),
    Noun.ENROLLMENT: ("Enrollment", "enrollmentId"),
    Noun.EMAIL: ("ScheduledEmail", "emailId"),
    Noun.API_KEY: ("ApiKey", "apiKeyId"),
    Noun.MEMBER: ("Member", "memberId"),
    Noun.INVITATION: ("Invitation", "invitationId"),
}


def user_errors(refusal: Refusal, asked: object) -> list[UserError]:
    """What *refusal* says of the input *asked*."""
    code = UserErrorCode
    match refusal:
        case UnknownObject():
            return _unknown(refusal, asked)
        case StaleObject():
            message = f"The {refusal.noun} is at version {refusal.version} by now."
            return [UserError(code=code.STALE_OBJECT, message=message, path=["expectedVersion"])]
        case NotInStatus():
            message = f"The {refusal.noun}'s status is {refusal.status}."
            return [UserError(code=code.WRONG_STATUS, message=message, path=_place(refusal.noun, asked))]
        case SequenceHasNoSteps():
            message = "The sequence has no step to send."
            return [UserError(code=code.NO_STEPS, message=message, path=["sequenceId"])]
        case IsBatch():
            message = "It is a batch: it has one step, and its contacts were named when it was scheduled."
            return [UserError(code=code.IS_BATCH, message=message, path=["sequenceId"])]
        case NoActiveMailbox():
            message = "The workspace has no active mailbox; make or resume one."
            return [UserError(code=code.NO_MAILBOX, message=message, path=["mailboxIds"])]
        case MailboxAddressTaken():
            message = "Another mailbox sends from this address already."
            return [UserError(code=code.ADDRESS_TAKEN, message=message, path=_address(asked))]
        case LastOwner():
            message = "The workspace has no other owner; make somebody else one first."
            return [UserError(code=code.LAST_OWNER, message=message, path=["memberId"])]
        case LaterEmailLeft() | TimeNotAllowed() | PlanBusy() | ContactNotWrittenTo():
            return [email_error(refusal, asked)]
        case _:
            raise refusal


def _address(asked: object) -> list[str]:
    """The field that brings an address, or the mailbox that has it."""
    return ["email"] if hasattr(asked, "email") else ["mailboxId"]


def _unknown(refusal: UnknownObject, asked: object) -> list[UserError]:
    message = f"There is no {refusal.noun} with this id."
    return [
        UserError(code=UserErrorCode.NOT_FOUND, message=message, path=path)
        for path in _places(refusal.noun, refusal.ids, asked)
    ]


def _places(noun: Noun, ids: Collection[UUID], asked: object) -> list[list[str]]:
    """Where in *asked* the *ids* stand: in a list each at its index."""
    kind, field = _KINDS[noun]
    listed = getattr(asked, f"{_attribute(field)}s", None)
    if listed is None:
        return [[field]]
    unknown = {global_id(kind, each) for each in ids}
    places = [[f"{field}s", str(index)] for index, given in enumerate(listed) if given in unknown]
    # Found in another way, and gone since.
    return places or [[]]


def _place(noun: Noun, asked: object) -> list[str]:
    if noun is Noun.WORKSPACE:
        return []  # No input names it: it is the caller's.
    if hasattr(asked, "email_id"):
        return ["emailId"]  # What is in the way is what the email belongs to.
    _, field = _KINDS[noun]
    return [field] if hasattr(asked, _attribute(field)) else [f"{field}s"]


def _attribute(field: str) -> str:
    return f"{field.removesuffix('Id')}_id".replace("apiKey", "api_key")
