"""Why an email has the time that it has, and what would give one to an email without."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import strawberry

from domain import explanation
from domain.itineraries import UnplacedReason
from domain.pushes import Constraint

_U = UnplacedReason
WHAT_HELPS: Mapping[UnplacedReason, str] = MappingProxyType(
    {
        _U.NO_MAILBOX: "Link a mailbox to the sequence.",
        _U.MAILBOX_UNAVAILABLE: "Resume the mailbox, correct its login, or link another one to the sequence.",
        _U.WINDOW_NEVER_OPENS: (
            "Give the send window a weekday and hours between first and last date, when its mailboxes work."
        ),
        _U.NO_CAPACITY: (
            "Raise the daily capacity of a mailbox, shorten its minimum gap, widen the send window, or link "
            "another mailbox."
        ),
        _U.AFTER_LAST_DATE: "Move the sequence's last date, shorten the waits, or add capacity before it.",
        _U.CONTACT_MIN_GAP: (
            "Lower the workspace's contactMinGapDays, move the sequence's last date, or end the contact's "
            "other enrollments."
        ),
        _U.WAITS_FOR_STEP: "Help the first email of this enrollment that has no time; this one follows.",
    }
)


@strawberry.type(description="Something that kept an email from leaving earlier, and until when.")
class Push:
    constraint: Constraint = strawberry.field(description="What it was.")
    until: datetime = strawberry.field(description="The instant that it pushed the email to.")
    detail: str = strawberry.field(description="The days or steps concerned, in words.")


@strawberry.type(
    description="Why an email has its time, by the rules of planning and the state of the plan today."
)
class Explanation:
    pushes: list[Push] = strawberry.field(
        description="What bound it, in order; the last instant is its time. Without a time, what it got past."
    )
    unplaced_reason: UnplacedReason | None = strawberry.field(
        description="The one reason why it has no time; null if it has one."
    )
    what_helps: str | None = strawberry.field(
        description="What would give it a time, and let it go if something holds it; null if it only waits."
    )

    @classmethod
    def of(cls, found: explanation.Explanation, *, held: Sequence[str] = ()) -> "Explanation":
        """*held* says what ends each hold."""
        reason = found.unplaced_reason
        helps = [*([] if reason is None else [WHAT_HELPS[reason]]), *held]
        return cls(
            pushes=[
                Push(constraint=each.constraint, until=each.until, detail=each.detail)
                for each in found.pushes
            ],
            unplaced_reason=reason,
            what_helps=" ".join(helps) or None,
        )
