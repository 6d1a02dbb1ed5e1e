"""Refusals of what somebody wants done with one email, in the words of the API."""

from api.errors import UserError, UserErrorCode
from domain.hand_set_times import Obstacle
from persistence.refusals import ContactNotWrittenTo, LaterEmailLeft, PlanBusy, TimeNotAllowed

_OBSTACLES = {
    Obstacle.PAST: (UserErrorCode.OUT_OF_RANGE, "That time has passed."),
    Obstacle.NO_MAILBOX: (
        UserErrorCode.NO_MAILBOX,
        "No mailbox was found for its contact yet; ask again when it has a time.",
    ),
    Obstacle.MAILBOX_UNAVAILABLE: (
        UserErrorCode.NO_MAILBOX,
        "The mailbox that writes to its contact cannot send, or serves the sequence no longer.",
    ),
    Obstacle.OUTSIDE_WINDOW: (
        UserErrorCode.OUTSIDE_WINDOW,
        "The sequence sends nothing then, by its window, dates or closed days.",
    ),
    Obstacle.OUTSIDE_WORKING_HOURS: (UserErrorCode.OUTSIDE_WINDOW, "Its mailbox does not work then."),
    Obstacle.STEP_BEFORE_UNPLACED: (UserErrorCode.TOO_EARLY, "The step before it has no time yet."),
    Obstacle.WAIT: (UserErrorCode.TOO_EARLY, "The wait after the step before it is not over by then."),
    Obstacle.NEW_CONTACTS_FULL: (
        UserErrorCode.NO_ROOM,
        "As many contacts as may start in the sequence on that day start then.",
    ),
    Obstacle.CONTACT_MIN_GAP: (
        UserErrorCode.TOO_CLOSE,
        "Another enrollment writes to its contact within the workspace's `contactMinGapDays`.",
    ),
    Obstacle.DAY_FULL: (UserErrorCode.NO_ROOM, "Its mailbox has no room left on that day."),
    Obstacle.RECIPIENT_DOMAIN_FULL: (
        UserErrorCode.NO_ROOM,
        "Its mailbox sends no more emails to that domain on that day.",
    ),
    Obstacle.RATE_FULL: (UserErrorCode.NO_ROOM, "Its mailbox has reached a limit of those hours."),
    Obstacle.TOO_CLOSE: (UserErrorCode.TOO_CLOSE, "Another email of its mailbox leaves at about that time."),
    Obstacle.PACE: (UserErrorCode.TOO_CLOSE, "Another email of its batch leaves at about that time."),
}


def email_error(
    refusal: LaterEmailLeft | TimeNotAllowed | PlanBusy | ContactNotWrittenTo, asked: object
) -> UserError:
    """What *refusal* says of the input *asked*."""
    code = UserErrorCode
    match refusal:
        case TimeNotAllowed():
            obstacle_code, message = _OBSTACLES[refusal.obstacle]
            return UserError(code=obstacle_code, message=message, path=["sendAt"])
        case PlanBusy():
            message = "The workspace is being planned at this moment; ask again in some seconds."
            return UserError(code=code.PLAN_BUSY, message=message, path=[])
        case ContactNotWrittenTo():
            message = "Its contact is written to no more: suppressed, bounced, unsubscribed or deleted."
            return UserError(code=code.SUPPRESSED, message=message, path=["emailId"])
    message = "A later email of the same enrollment has left already"
    if hasattr(asked, "settlement"):
        message += "; settle this one as SENT or FAILED"
        return UserError(code=code.OUT_OF_ORDER, message=f"{message}.", path=["settlement"])
    return UserError(code=code.OUT_OF_ORDER, message=f"{message}.", path=["emailId"])
