"""Errors: what a mutation answers about its input, and what a whole request is refused for."""

from enum import StrEnum

import strawberry
from graphql import GraphQLError

from api.vocabulary import described
from domain.access import Scope


class ErrorCode(StrEnum):
    """Machine-readable reason of a top-level error, in `extensions.code`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    ALREADY_DONE = "ALREADY_DONE"
    RATE_LIMITED = "RATE_LIMITED"
    QUERY_TOO_EXPENSIVE = "QUERY_TOO_EXPENSIVE"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    INTERNAL = "INTERNAL"


class Refused(GraphQLError):
    """A request, or one field of it, that is answered with *code* and a message for its author."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message, extensions={"code": str(code)})
        self.code = code


class BadUserInput(Refused):
    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.BAD_USER_INPUT, message)


class NotFound(Refused):
    """Nothing of this workspace has the id; the same answer whether another workspace has it or nobody."""

    def __init__(self, noun: str) -> None:
        super().__init__(ErrorCode.NOT_FOUND, f"There is no {noun} with this id.")


class Forbidden(Refused):
    """The caller is known, and may not do this."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(ErrorCode.FORBIDDEN, f"This needs the scope {scope}, which you do not have.")


class UserErrorCode(StrEnum):
    ADDRESS_TAKEN = "ADDRESS_TAKEN"
    ALREADY_ENROLLED = "ALREADY_ENROLLED"
    AMBIGUOUS_CREDENTIALS = "AMBIGUOUS_CREDENTIALS"
    AMBIGUOUS_WAIT = "AMBIGUOUS_WAIT"
    BLANK = "BLANK"
    DUPLICATE = "DUPLICATE"
    EXCEEDS_SCOPES = "EXCEEDS_SCOPES"
    INVALID_ADDRESS = "INVALID_ADDRESS"
    INVALID_CSV = "INVALID_CSV"
    INVALID_CUSTOM_FIELDS = "INVALID_CUSTOM_FIELDS"
    INVALID_HEADER = "INVALID_HEADER"
    INVALID_HOST = "INVALID_HOST"
    INVALID_ID = "INVALID_ID"
    INVALID_MESSAGE = "INVALID_MESSAGE"
    INVALID_SEND_WINDOW = "INVALID_SEND_WINDOW"
    INVALID_TEMPLATE = "INVALID_TEMPLATE"
    INVALID_TOKEN = "INVALID_TOKEN"  # noqa: S105 - the name of an error
    INVALID_ZONE = "INVALID_ZONE"
    IS_BATCH = "IS_BATCH"
    LAST_OWNER = "LAST_OWNER"
    NO_MAILBOX = "NO_MAILBOX"
    NO_RECIPIENTS = "NO_RECIPIENTS"
    NO_ROOM = "NO_ROOM"
    NO_STEPS = "NO_STEPS"
    NOT_FOUND = "NOT_FOUND"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    PLAN_BUSY = "PLAN_BUSY"
    PLAN_MOVED = "PLAN_MOVED"
    PROVIDER_NOT_SET_UP = "PROVIDER_NOT_SET_UP"
    SEQUENCE_NOT_ACTIVE = "SEQUENCE_NOT_ACTIVE"
    STALE_OBJECT = "STALE_OBJECT"
    SUPPRESSED = "SUPPRESSED"
    TOKEN_OF_OTHER_INPUT = "TOKEN_OF_OTHER_INPUT"  # noqa: S105 - the name of an error
    TOO_CLOSE = "TOO_CLOSE"
    TOO_EARLY = "TOO_EARLY"
    TOO_LONG = "TOO_LONG"
    TOO_MANY = "TOO_MANY"
    UNKNOWN_HOLIDAYS = "UNKNOWN_HOLIDAYS"
    UNKNOWN_VARIABLE = "UNKNOWN_VARIABLE"
    WRONG_STATUS = "WRONG_STATUS"


_C = UserErrorCode
described(
    UserErrorCode,
    description="Why a mutation did not do what its input asks for.",
    values={
        _C.ADDRESS_TAKEN: "Another live mailbox or contact has this address.",
        _C.ALREADY_ENROLLED: "The contact is already on its way through the sequence.",
        _C.AMBIGUOUS_CREDENTIALS: "A mailbox logs in by password or by OAuth; one of them.",
        _C.AMBIGUOUS_WAIT: "A step waits in days, in working days, or in hours and minutes; one of them.",
        _C.BLANK: "The text may not be empty.",
        _C.DUPLICATE: "The same thing is named twice, for example two steps in one place.",
        _C.EXCEEDS_SCOPES: "The caller lacks a scope that the new key should have.",
        _C.INVALID_ADDRESS: "Not an email address that can be written to.",
        _C.INVALID_CSV: "The text cannot be read as CSV with a header line.",
        _C.INVALID_CUSTOM_FIELDS: "Custom fields are an object of text, numbers, booleans and nulls.",
        _C.INVALID_HEADER: "A value for a mail header holds a line break or another control character.",
        _C.INVALID_HOST: "Not the name or address of a host that mail may be handed to.",
        _C.INVALID_ID: "Not an id of the kind that is asked for here.",
        _C.INVALID_MESSAGE: "The text is no message with a header.",
        _C.INVALID_SEND_WINDOW: "The window has no day or interval, or an empty or overlapping one.",
        _C.INVALID_TEMPLATE: "The template cannot be read; the message names the place.",
        _C.INVALID_TOKEN: "Not a token that this workspace was given.",
        _C.INVALID_ZONE: "Not the name of a zone in the IANA time zone database.",
        _C.IS_BATCH: "A batch has one step, and its contacts are named when it is scheduled.",
        _C.LAST_OWNER: "A workspace keeps at least one owner.",
        _C.NO_MAILBOX: "There is no mailbox to send from.",
        _C.NO_RECIPIENTS: "There is nobody to write to.",
        _C.NO_ROOM: "A limit of that day or hour is reached.",
        _C.NO_STEPS: "The sequence has no step to send.",
        _C.NOT_FOUND: "Nothing in this workspace has the id.",
        _C.OUT_OF_ORDER: "The emails of the enrollment would leave in another order than its steps have.",
        _C.OUT_OF_RANGE: "The number or date is outside what is allowed.",
        _C.OUTSIDE_WINDOW: "Nothing leaves then: by the send window, its dates, or the working hours.",
        _C.PLAN_BUSY: "The workspace is being planned at this moment; ask again.",
        _C.PLAN_MOVED: "The plan is no longer the one that was previewed.",
        _C.PROVIDER_NOT_SET_UP: "The operator has not registered this installation with the provider.",
        _C.SEQUENCE_NOT_ACTIVE: "The sequence takes no contacts in its status.",
        _C.SUPPRESSED: "The contact is written to no more.",
        _C.TOKEN_OF_OTHER_INPUT: "The token is of a preview with another input, or of another mutation.",
        _C.TOO_CLOSE: "Another email of the mailbox, its batch, or its contact leaves at about that time.",
        _C.TOO_EARLY: "The wait is not over by then, or an email before it has not left.",
        _C.STALE_OBJECT: "The object has changed since `expectedVersion` was read.",
        _C.TOO_LONG: "The text is longer than allowed.",
        _C.TOO_MANY: "More of them than one call takes.",
        _C.UNKNOWN_HOLIDAYS: "No holidays are known of that country or subdivision.",
        _C.UNKNOWN_VARIABLE: "The template uses a variable that no contact has.",
        _C.WRONG_STATUS: "Not allowed in the object's present status.",
    },
)


@strawberry.type(
    description="Something in a mutation's input that kept it from being done. Nothing was written."
)
class UserError:
    code: UserErrorCode = strawberry.field(description="The reason, for programs.")
    message: str = strawberry.field(description="The reason, for people.")
    path: list[str] = strawberry.field(
        description="Where in the input: field names, and positions in lists counted from 0."
    )
