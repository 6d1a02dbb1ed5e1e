"""Failures: what one email given up for good means for its enrollment and its contact."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, EmailId, EnrollmentId, SequenceId, WorkspaceId
from domain.lifecycle import ContactEvent, EnrollmentEvent
from persistence.progress import go_on
from persistence.sequences import complete_sequences
from persistence.stops import end_enrollments
from persistence.suppressions import SuppressionReason, stop_contact
from persistence.tables import enrollments, sequences


@dataclass(frozen=True, slots=True)
class Failed:
    """The email that was given up, and whose it was."""

    workspace_id: WorkspaceId
    sequence_id: SequenceId
    enrollment_id: EnrollmentId
    contact_id: ContactId
    email_id: EmailId


async def after_failure(conn: AsyncConnection, failed: Failed, *, bounces: bool, now: datetime) -> None:
    """
    Stop the contact if its address does not exist (*bounces*); else do what the sequence says.

    STOP ends the enrollment as FAILED, CONTINUE goes on with the next step.
    """
    if bounces:
        await stop_contact(
            conn,
            workspace_id=failed.workspace_id,
            contact_id=failed.contact_id,
            contact_event=ContactEvent.BOUNCE,
            enrollment_event=EnrollmentEvent.BOUNCE,
            reason=SuppressionReason.HARD_BOUNCE,
            email_id=failed.email_id,
            now=now,
        )
        return
    policy = select(sequences.c.when_step_fails).where(
        sequences.c.workspace_id == failed.workspace_id, sequences.c.id == failed.sequence_id
    )
    if await conn.scalar(policy) == "CONTINUE":
        await go_on(conn, [failed.enrollment_id], now=now)
        return
    await end_enrollments(
        conn,
        workspace_id=failed.workspace_id,
        matching=enrollments.c.id == failed.enrollment_id,
        event=EnrollmentEvent.FAIL,
        now=now,
    )
    await complete_sequences(conn, failed.workspace_id, now=now, among_ids=[failed.sequence_id])
