"""The choices of the domain as enums of the API, with what each value means."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from domain.inbound import InboundKind
from domain.itineraries import MoveCause, UnplacedReason
from domain.lifecycle import (
    ContactStatus,
    EmailEvent,
    EmailStatus,
    EnrollmentStatus,
    MailboxStatus,
    SequenceStatus,
)
from domain.mailboxes import Security
from domain.pushes import Constraint
from domain.recalculations import RecalculationCause, RecalculationStatus

Choice = TypeVar("Choice", bound=StrEnum)


def described(
    choice: type[Choice], *, description: str, values: Mapping[Choice, str], name: str | None = None
) -> None:
    """Make *choice* an enum of the API; *values* says what each of its members means, none left out."""
    strawberry.enum(choice, name=name, description=description)
    # Strawberry sets this attribute on the enum that it is given; mypy cannot know.
    definition: StrawberryEnumDefinition = choice.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[choice[value.name]]


_E = EmailStatus
described(
    EmailStatus,
    description="Where a scheduled email is on its way to the recipient's server.",
    values={
        _E.PENDING: "Planned, or waiting for a slot; nobody has taken it up yet.",
        _E.QUEUED: "Due, and handed to the broker.",
        _E.SENDING: "A worker talks to the mailbox's server; nothing was handed over yet.",
        _E.COMMITTING: "The letter is being handed over; from here on it may have arrived.",
        _E.SENT: "The mailbox's server accepted it.",
        _E.RETRYING: "Refused for now; tried again after 5, 15 and 30 minutes.",
        _E.FAILED: "Given up for good; the last error says why.",
        _E.IN_DOUBT: "The connection was lost after the handover: it may or may not have arrived.",
        _E.CANCELLED: "Taken out of the plan before it left.",
    },
)

_N = EnrollmentStatus
described(
    EnrollmentStatus,
    description="How far a contact is on its way through a sequence.",
    values={
        _N.ACTIVE: "On its way; the remaining emails are planned.",
        _N.PAUSED: "On hold; the time on hold does not count towards waits.",
        _N.COMPLETED: "Every step was sent.",
        _N.REPLIED: "The contact replied, so nothing more is sent.",
        _N.BOUNCED: "The contact's address does not exist, so nothing more is sent.",
        _N.UNSUBSCRIBED: "The contact wants no more emails.",
        _N.FAILED: "A step failed for good.",
        _N.CANCELLED: "Stopped by someone.",
    },
)

_Q = SequenceStatus
described(
    SequenceStatus,
    description="Whether a sequence sends.",
    values={
        _Q.DRAFT: "Being written; contacts can be enrolled, nothing is sent.",
        _Q.ACTIVE: "Sending.",
        _Q.PAUSED: "On hold; the plan stays.",
        _Q.COMPLETED: "Nobody is on the way any more; a new enrollment reopens it.",
        _Q.ARCHIVED: "Put away for good.",
    },
)

_B = MailboxStatus
described(
    MailboxStatus,
    description="Whether a mailbox can send.",
    values={
        _B.ACTIVE: "Sending.",
        _B.PAUSED: "Put on hold by someone.",
        _B.NEEDS_AUTH: (
            "It needs a person, and its emails wait: its login was refused, or its host is one that Drumbeat"
            " does not connect to. `statusReason` says which."
        ),
        _B.BLOCKED: "Its server refuses to take more for a while.",
        _B.REMOVED: "Taken out of use; kept for its history.",
    },
)

_C = ContactStatus
described(
    ContactStatus,
    description="Whether a contact can be written to.",
    values={
        _C.ACTIVE: "Can be written to.",
        _C.BOUNCED: "The address does not exist.",
        _C.UNSUBSCRIBED: "Wants no more emails.",
        _C.DELETED: "Removed for good, and who it was is erased; kept for the counts of what was sent.",
    },
)

_V = EmailEvent
described(
    EmailEvent,
    name="EmailEventKind",
    description="What happened to a scheduled email.",
    values={
        _V.CLAIM: "It was due, and was taken up for sending.",
        _V.RELEASE: "It could not leave at that moment and went back to the plan; the cause says why.",
        _V.RESCUE: "Whoever held it is gone; it went back to the plan, nothing was handed over.",
        _V.BEGIN: "An attempt to send it began.",
        _V.COMMIT: "The handover to the mailbox's server began.",
        _V.ACCEPT: "The mailbox's server accepted it.",
        _V.RETRY: "It was refused for now and is tried again later.",
        _V.FAIL: "It was given up for good.",
        _V.LOSE_SIGHT: "The connection was lost during the handover; whether it arrived is unknown.",
        _V.SETTLE_SENT: "The doubt was settled: it had arrived.",
        _V.SETTLE_FAILED: "The doubt was settled: it had not arrived.",
        _V.RESEND: "It is sent again although it may have arrived: by someone's choice, or its mailbox's.",
        _V.REVIVE: "It had been given up, and someone has it tried anew.",
        _V.BOUNCE: "A delivery report came back: the recipient's server did not take it after all.",
        _V.REPLY: "The contact answered it.",
        _V.COMPLAIN: "The contact called it spam.",
        _V.CANCEL: "It was taken out of the plan.",
    },
)

_U = UnplacedReason
described(
    UnplacedReason,
    description="Why an email has no time yet; each names what would have to change.",
    values={
        _U.NO_MAILBOX: "The sequence has no mailbox.",
        _U.MAILBOX_UNAVAILABLE: "The enrollment's mailbox is paused or cannot log in.",
        _U.WINDOW_NEVER_OPENS: "The send window is closed on all days to come, or when its mailbox works.",
        _U.NO_CAPACITY: "No mailbox of the sequence has room on any day to come.",
        _U.AFTER_LAST_DATE: "It could only leave after the sequence's last date.",
        _U.CONTACT_MIN_GAP: "Up to the last date it is too close to what others send to its contact.",
        _U.WAITS_FOR_STEP: "An earlier step of the same enrollment has no time either.",
    },
)

_K = Constraint
described(
    Constraint,
    description="What kept an email from leaving earlier.",
    values={
        _K.ENROLLED: "The contact was enrolled only then.",
        _K.PREVIOUS_STEP: "The step before it leaves, or left, only then; or the day on which it left began.",
        _K.WAIT: "The wait before its step ended only then.",
        _K.NOT_BEFORE: "It was put off: the enrollment was on hold, or its batch starts or reaches it then.",
        _K.FAIR_SHARE: "It gave its place to a sequence with less than its share, and goes behind everyone.",
        _K.FIRST_DATE: "The sequence sends from its first date on.",
        _K.PLANNED: "The enrollment was planned only then, so earlier slots had passed.",
        _K.HOLIDAY: "A public holiday or a closed date of the sequence lasted until then.",
        _K.WORKING_HOURS: "The window was open, and the mailbox does not work before then.",
        _K.WINDOW: "The send window was closed until then.",
        _K.NO_SLOT_LEFT: "The window was open, and none of the mailbox's slots was left in it.",
        _K.MAILBOX_FULL: "The mailbox had no room for one more email on the days before.",
        _K.RECIPIENT_DOMAIN_FULL: "The mailbox sends no more emails to that domain on the days before.",
        _K.NEW_CONTACTS_FULL: "As many contacts as may start on one day start on the days before.",
        _K.CONTACT_MIN_GAP: "The days before are too close to an email of its contact's other enrollments.",
        _K.SLOT_TAKEN: "Other emails of the mailbox have the slots before it.",
        _K.EVEN_SPACING: "The emails of a day are spread evenly over its open time.",
        _K.PACE: "The emails of its batch keep their delay and hourly limit.",
        _K.SET_BY_HAND: "Somebody chose its time; as long as no rule breaks it leaves then.",
        _K.KEPT: "Planned today it would get another time; it keeps the one that was promised.",
    },
)

_M = MoveCause
described(
    MoveCause,
    description="Why an email that had a time was given another.",
    values={
        _M.WAIT_CHANGED: "The wait before its step, or the day that the wait counts from, changed.",
        _M.WINDOW_CHANGED: "Its time is no longer inside the send window, dates, or working hours.",
        _M.CAPACITY_LOWERED: "Its mailbox may send, or its sequence start, fewer than were planned there.",
        _M.MAILBOX_HANDED_OVER: "Its enrollment was handed to another mailbox.",
        _M.MAILBOX_UNAVAILABLE: "Its mailbox cannot send.",
        _M.NARROWER_WINDOW: "It made room, on the same day, for an email with a narrower window.",
        _M.SPACING: "It was closer to its neighbour than the mailbox's minimum gap.",
        _M.CONTACT_MIN_GAP: "It was too close to an email of its contact's other enrollments.",
        _M.LATE: "Its time passed without it being sent.",
        _M.RELEASED: "It could not leave when it was due.",
        _M.EARLIER: "An earlier time became free.",
        _M.FAIR_SHARE: "Its place went to a contact of another sequence that shares the mailbox.",
        _M.SET_BY_HAND: "Someone chose its time.",
        _M.TRANSFER_UNDONE: "Its mailbox came back before the one that it was handed to had written.",
    },
)

_I = InboundKind
described(
    InboundKind,
    description="What a message that came in is.",
    values={
        _I.REPLY: "A person answers.",
        _I.AUTO_REPLY: "A machine answers: out of office, or a confirmation.",
        _I.HARD_BOUNCE: "A delivery report: the address does not exist, or takes no mail.",
        _I.BOUNCE: "A delivery report: not delivered, for a reason that says nothing about the address.",
        _I.COMPLAINT: "A feedback report (RFC 5965): the recipient called an email spam, or wants no more.",
        _I.NOTICE: "A report of nothing that failed: delayed, relayed, delivered, or no spam after all.",
    },
)

described(
    Security,
    description="How the connection to a mailbox's server is protected.",
    values={
        Security.STARTTLS: "Upgraded to TLS before logging in; refused when the server cannot.",
        Security.TLS: "TLS from the first byte, usually on port 465.",
        Security.NONE: "Not at all; for servers on this host or network that the operator allows.",
    },
)

_R = RecalculationCause
described(
    RecalculationCause,
    description="What set off a recalculation of the plan.",
    values={
        _R.STEPS_CHANGED: "A step was added, removed or moved, or its wait changed.",
        _R.MAILBOX_ADDED: "A mailbox was linked to a sequence.",
        _R.MAILBOX_PAUSED: "A mailbox was paused.",
        _R.MAILBOX_RESUMED: "A mailbox came back.",
        _R.MAILBOX_REMOVED: "A mailbox was taken out of use.",
        _R.MAILBOX_UNLINKED: "A mailbox no longer serves a sequence.",
        _R.CAPACITY_CHANGED: "A mailbox may send more or fewer emails, or a sequence start more or fewer.",
        _R.WINDOW_CHANGED: "A send window, zone, date, holidays or the working hours of a mailbox changed.",
        _R.SEQUENCE_RESUMED: "A sequence was resumed.",
        _R.ENROLLMENT_RESUMED: "An enrollment was resumed.",
        _R.SENDING_RESUMED: "All sending was resumed.",
        _R.CONTACT_GAP_RAISED: "More days have to lie between emails of a contact's different enrollments.",
        _R.CONTACT_GAP_LOWERED: "Fewer days have to lie between emails of a contact's different enrollments.",
        _R.REBALANCE: "Someone asked for the load to be spread anew.",
        _R.NIGHTLY: "A day began, and what became free on the days to come is filled.",
    },
)

_T = RecalculationStatus
described(
    RecalculationStatus,
    description="How far a recalculation is.",
    values={
        _T.PENDING: "Asked for, not begun.",
        _T.RUNNING: "Under way.",
        _T.COMPLETED: "Done.",
        _T.FAILED: "Ended by an error; the plan is as it was, or partly replanned and consistent.",
    },
)
