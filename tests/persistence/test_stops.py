"""Stops: what ends with an enrollment, what is given back, and what cannot be called back."""

from datetime import date

from sqlalchemy import select

from domain.ids import EmailId, EnrollmentId, MailboxId, WorkspaceId
from domain.lifecycle import EmailStatus, EnrollmentEvent
from persistence.database import Database
from persistence.stops import Ended, end_enrollments
from persistence.tables import email_events, enrollments, mailbox_days, scheduled_emails
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

STEPS = tuple((0, "Hello", "Hello") for _ in EmailStatus)
TODAY = date(2026, 3, 2)


async def make_enrollment_with_every_status(
    worker_db: Database,
) -> tuple[WorkspaceId, MailboxId, EnrollmentId, dict[EmailStatus, EmailId]]:
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = await make_mailbox(conn, workspace_id)
        sequence_id = await make_sequence(conn, workspace_id, steps=STEPS)
        enrollment_id = await make_enrollment(conn, workspace_id, sequence_id, mailbox_id=mailbox_id)
        emails = {
            status: await make_email(
                conn, enrollment_id, position=position, status=str(status), attempt=position, quota_day=TODAY
            )
            for position, status in enumerate(EmailStatus, 1)
        }
        day = {
            "mailbox_id": mailbox_id,
            "workspace_id": workspace_id,
            "day": TODAY,
            "capacity": 30,
            "used": 7,
        }
        await conn.execute(mailbox_days.insert().values(day))
    return workspace_id, mailbox_id, enrollment_id, emails


async def test_what_was_not_handed_over_is_cancelled(worker_db: Database) -> None:
    """An email at or beyond the point of no return keeps its status: it may arrive."""
    workspace_id, _, enrollment_id, emails = await make_enrollment_with_every_status(worker_db)

    async with worker_db.transaction() as conn:
        ended = await end_enrollments(
            conn,
            workspace_id=workspace_id,
            matching=enrollments.c.id == enrollment_id,
            event=EnrollmentEvent.REPLY,
            now=MONDAY,
        )

    async with worker_db.transaction() as conn:
        enrollment = (await conn.execute(select(enrollments))).one()
        found = await conn.execute(select(scheduled_emails.c.id, scheduled_emails.c.status))
        after = {row.id: row.status for row in found}
    assert ended == [Ended(enrollment_id, enrollment.sequence_id)]
    assert (enrollment.status, enrollment.next_send_at, enrollment.completed_at) == ("REPLIED", None, None)
    assert {status for status, email_id in emails.items() if after[email_id] != status} == {
        EmailStatus.PENDING,
        EmailStatus.QUEUED,
        EmailStatus.SENDING,
        EmailStatus.RETRYING,
    }
    assert {after[email_id] for status, email_id in emails.items() if after[email_id] != status} == {
        "CANCELLED"
    }


async def test_every_cancelled_email_says_why_and_when(worker_db: Database) -> None:
    """One event each, with the enrollment's own event as its cause."""
    workspace_id, mailbox_id, enrollment_id, emails = await make_enrollment_with_every_status(worker_db)

    async with worker_db.transaction() as conn:
        await end_enrollments(
            conn,
            workspace_id=workspace_id,
            matching=enrollments.c.id == enrollment_id,
            event=EnrollmentEvent.BOUNCE,
            now=MONDAY,
        )

    async with worker_db.transaction() as conn:
        events = (await conn.execute(select(email_events))).all()
    assert {event.email_id for event in events} == {
        emails[EmailStatus.PENDING],
        emails[EmailStatus.QUEUED],
        emails[EmailStatus.SENDING],
        emails[EmailStatus.RETRYING],
    }
    assert len(events) == 4
    assert {(event.kind, event.cause, event.at, event.enrollment_id) for event in events} == {
        ("CANCEL", "BOUNCE", MONDAY, enrollment_id)
    }
    assert {event.mailbox_id for event in events} == {mailbox_id}
    retrying = next(event for event in events if event.email_id == emails[EmailStatus.RETRYING])
    assert retrying.attempt == list(EmailStatus).index(EmailStatus.RETRYING) + 1


async def test_what_was_reserved_is_given_back(worker_db: Database) -> None:
    """The two that were queued and being sent; a retry holds nothing while it waits."""
    workspace_id, mailbox_id, enrollment_id, _ = await make_enrollment_with_every_status(worker_db)

    async with worker_db.transaction() as conn:
        await end_enrollments(
            conn,
            workspace_id=workspace_id,
            matching=enrollments.c.id == enrollment_id,
            event=EnrollmentEvent.CANCEL,
            now=MONDAY,
        )

    async with worker_db.transaction() as conn:
        day = (await conn.execute(select(mailbox_days))).one()
    assert (day.mailbox_id, day.used, day.capacity) == (mailbox_id, 5, 30)


async def test_an_enrollment_that_has_ended_stays_as_it_ended(worker_db: Database) -> None:
    """Nothing is cancelled for it a second time."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id)
        await make_enrollment(conn, workspace_id, sequence_id, status="COMPLETED", completed_at=MONDAY)

        ended = await end_enrollments(
            conn,
            workspace_id=workspace_id,
            matching=enrollments.c.sequence_id == sequence_id,
            event=EnrollmentEvent.CANCEL,
            now=MONDAY,
        )

        row = (await conn.execute(select(enrollments))).one()
    assert ended == []
    assert (row.status, row.completed_at, row.version) == ("COMPLETED", MONDAY, 1)


async def test_only_the_workspace_asked_for_is_touched(worker_db: Database) -> None:
    """The worker's connection sees all workspaces, so the statement itself must keep to one."""
    workspace_id, _, enrollment_id, _ = await make_enrollment_with_every_status(worker_db)
    async with worker_db.transaction() as conn:
        other = await make_workspace(conn)

        ended = await end_enrollments(
            conn,
            workspace_id=other,
            matching=enrollments.c.id == enrollment_id,
            event=EnrollmentEvent.CANCEL,
            now=MONDAY,
        )

        status = await conn.scalar(select(enrollments.c.status))
    assert other != workspace_id
    assert ended == []
    assert status == "ACTIVE"
