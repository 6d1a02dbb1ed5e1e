"""Policies: what happens when a mailbox, a step or the network fails."""

from enum import StrEnum

from api.vocabulary import described


class MailboxPolicy(StrEnum):
    WAIT = "WAIT"
    TRANSFER = "TRANSFER"
    CANCEL = "CANCEL"


class StepFailurePolicy(StrEnum):
    STOP = "STOP"
    CONTINUE = "CONTINUE"


class InDoubtPolicy(StrEnum):
    ASSUME_SENT = "ASSUME_SENT"
    HOLD = "HOLD"
    RESEND = "RESEND"


described(
    MailboxPolicy,
    description="What becomes of a mailbox's planned emails when it cannot send.",
    values={
        MailboxPolicy.WAIT: "They wait until it can.",
        MailboxPolicy.TRANSFER: "The sequence's other mailboxes take them over.",
        MailboxPolicy.CANCEL: "They are cancelled.",
    },
)
described(
    StepFailurePolicy,
    description="What becomes of an enrollment when one of its emails failed for good.",
    values={
        StepFailurePolicy.STOP: "It ends.",
        StepFailurePolicy.CONTINUE: "It goes on with the next step.",
    },
)
described(
    InDoubtPolicy,
    description="How to go on after an email of which nobody knows whether it arrived.",
    values={
        InDoubtPolicy.ASSUME_SENT: "As if it had arrived.",
        InDoubtPolicy.HOLD: "Not until someone settles the doubt.",
        InDoubtPolicy.RESEND: "By sending it once more after 15 minutes, with the same Message-ID: at least"
        " once instead of at most once, so it may arrive twice. If that is in doubt too, someone settles it.",
    },
)
