"""Recalculations: what sets off a replan of the future."""

from enum import StrEnum


class RecalculationCause(StrEnum):
    STEPS_CHANGED = "STEPS_CHANGED"
    MAILBOX_ADDED = "MAILBOX_ADDED"
    MAILBOX_PAUSED = "MAILBOX_PAUSED"
    MAILBOX_RESUMED = "MAILBOX_RESUMED"
    MAILBOX_REMOVED = "MAILBOX_REMOVED"
    MAILBOX_UNLINKED = "MAILBOX_UNLINKED"
    CAPACITY_CHANGED = "CAPACITY_CHANGED"
    WINDOW_CHANGED = "WINDOW_CHANGED"
    SEQUENCE_RESUMED = "SEQUENCE_RESUMED"
    ENROLLMENT_RESUMED = "ENROLLMENT_RESUMED"
    SENDING_RESUMED = "SENDING_RESUMED"
    CONTACT_GAP_RAISED = "CONTACT_GAP_RAISED"
    CONTACT_GAP_LOWERED = "CONTACT_GAP_LOWERED"
    REBALANCE = "REBALANCE"
    NIGHTLY = "NIGHTLY"


class RecalculationStatus(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


# After these there is more room than before, or an earlier time is allowed.
GAINING = frozenset(
    {
        RecalculationCause.REBALANCE,
        RecalculationCause.STEPS_CHANGED,
        RecalculationCause.CAPACITY_CHANGED,
        RecalculationCause.MAILBOX_ADDED,
        RecalculationCause.MAILBOX_RESUMED,
        RecalculationCause.CONTACT_GAP_LOWERED,
    }
)
# After these an enrollment that has not started may get another mailbox.
REBINDING = frozenset(
    {
        RecalculationCause.REBALANCE,
        RecalculationCause.CAPACITY_CHANGED,
        RecalculationCause.MAILBOX_ADDED,
        RecalculationCause.MAILBOX_RESUMED,
    }
)
# After these an enrollment goes back to the mailbox that it was handed over from, if that has come back.
RETURNING = frozenset({RecalculationCause.MAILBOX_ADDED, RecalculationCause.MAILBOX_RESUMED})
# These bear only on contacts who are in several enrollments.
OF_SHARED_CONTACTS = frozenset(
    {RecalculationCause.CONTACT_GAP_RAISED, RecalculationCause.CONTACT_GAP_LOWERED}
)
