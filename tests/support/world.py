"""The rows that tests begin with, one function per noun; whatever a test does not name is ordinary."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import MemberRole
from domain.ids import ContactId, EmailId, EnrollmentId, MailboxId, SequenceId, StepId, WorkspaceId
from persistence.ids import uuid7
from persistence.tables import (
    contacts,
    enrollments,
    invitations,
    mailboxes,
    members,
    scheduled_emails,
    sequence_mailboxes,
    sequences,
    step_versions,
    steps,
    users,
    workspaces,
)
from persistence.under_way import IS_UNDER_WAY

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
TWO_STEPS = ((0, "Welcome, {{ first_name }}", "Hello"), (2, "One more thing", "Hello again"))

_numbers = count(1)


async def make_workspace(conn: AsyncConnection, **overrides: Any) -> WorkspaceId:
    return WorkspaceId(await _make(conn, workspaces, {"name": "Welcome Ltd"} | overrides))


async def make_member(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, role: MemberRole = MemberRole.OWNER
) -> UUID:
    """A person of their own, who is a member."""
    sub = f"person-{next(_numbers)}"
    person = {
        "issuer": "https://accounts.example.com",
        "sub": sub,
        "name": sub,
        "email": f"{sub}@example.com",
    }
    user_id = await _make(conn, users, person)
    return await _make(conn, members, {"workspace_id": workspace_id, "user_id": user_id, "role": role})


async def make_invitation(conn: AsyncConnection, workspace_id: WorkspaceId, **overrides: Any) -> UUID:
    """Of a member, for ever."""
    address = overrides.get("email", f"invited-{next(_numbers)}@example.com")
    ordinary = {
        "workspace_id": workspace_id,
        "email": address,
        "normalised_email": address.lower(),
        "role": MemberRole.MEMBER,
        "invited_by": "someone",
        "expires_at": datetime.max.replace(tzinfo=UTC),
    }
    return await _make(conn, invitations, ordinary | overrides)


async def make_mailbox(conn: AsyncConnection, workspace_id: WorkspaceId, **overrides: Any) -> MailboxId:
    """An active mailbox of 30 emails a day in UTC, at a server on this machine that wants no login."""
    address = overrides.get("email", f"sender-{next(_numbers)}@example.com")
    ordinary = {
        "workspace_id": workspace_id,
        "name": address,
        "email": address,
        "normalised_email": address.lower(),
        "zone": "UTC",
        "host": "127.0.0.1",
        "port": 2525,
        "security": "NONE",
    }
    return MailboxId(await _make(conn, mailboxes, ordinary | overrides))


async def make_sequence(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    steps: Sequence[tuple[int, str, str]] = TWO_STEPS,
    mailboxes: Sequence[MailboxId] = (),
    **overrides: Any,
) -> SequenceId:
    """An active sequence in UTC that may send at every hour; a step is (days to wait, subject, text)."""
    ordinary = {"workspace_id": workspace_id, "name": "Welcome Campaign", "zone": "UTC", "status": "ACTIVE"}
    sequence_id = SequenceId(await _make(conn, sequences, ordinary | overrides))
    for position, (wait_days, subject, body) in enumerate(steps, start=1):
        await make_step(conn, workspace_id, sequence_id, (wait_days, subject, body), position=position)
    for mailbox_id in mailboxes:
        link = {"workspace_id": workspace_id, "sequence_id": sequence_id, "mailbox_id": mailbox_id}
        async with _as_superuser(conn):
            await conn.execute(insert(sequence_mailboxes).values(link))
    return sequence_id


async def make_step(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    step: tuple[int, str, str],
    *,
    position: int,
) -> StepId:
    wait_days, subject, body = step
    row = {"sequence_id": sequence_id, "position": position, "wait_days": wait_days}
    step_id = StepId(await _make(conn, steps, {"workspace_id": workspace_id} | row))
    written = {"step_id": step_id, "version": 1, "subject": subject, "body_text": body}
    await _make(conn, step_versions, {"workspace_id": workspace_id} | written)
    return step_id


async def make_contact(conn: AsyncConnection, workspace_id: WorkspaceId, **overrides: Any) -> ContactId:
    address = overrides.get("email", f"contact-{next(_numbers)}@example.test")
    ordinary = {"workspace_id": workspace_id, "email": address, "normalised_email": address.lower()}
    return ContactId(await _make(conn, contacts, ordinary | overrides))


async def make_enrollment(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    contact_id: ContactId | None = None,
    **overrides: Any,
) -> EnrollmentId:
    """An active enrollment since `MONDAY`, not yet planned; of a new contact when none is given."""
    ordinary = {
        "workspace_id": workspace_id,
        "sequence_id": sequence_id,
        "contact_id": contact_id or await make_contact(conn, workspace_id),
        "enrolled_at": MONDAY,
    }
    return EnrollmentId(await _make(conn, enrollments, ordinary | overrides))


async def make_email(
    conn: AsyncConnection, enrollment_id: EnrollmentId, *, position: int = 1, **overrides: Any
) -> EmailId:
    """
    An email of the enrollment's step at *position*: PENDING at `MONDAY`, from the enrollment's mailbox.

    Its days are the UTC dates of `send_at`. An enrollment without a mailbox needs a `mailbox_id`.
    """
    async with _as_superuser(conn):
        step_of = (
            select(enrollments, steps.c.id.label("step_id"))
            .join(steps, steps.c.sequence_id == enrollments.c.sequence_id)
            .where(enrollments.c.id == enrollment_id, steps.c.position == position)
        )
        enrollment = (await conn.execute(step_of)).one()
    send_at = overrides.get("send_at", MONDAY)
    day = send_at.date() if send_at else None
    ordinary = {
        "workspace_id": enrollment.workspace_id,
        "sequence_id": enrollment.sequence_id,
        "enrollment_id": enrollment_id,
        "contact_id": enrollment.contact_id,
        "step_id": enrollment.step_id,
        "mailbox_id": enrollment.mailbox_id,
        "send_at": send_at,
        "window_day": day,
        "send_day": day,
        "is_first_touch": enrollment.last_window_day is None and enrollment.next_position == position,
    }
    email_id = EmailId(await _make(conn, scheduled_emails, ordinary | overrides))
    async with _as_superuser(conn):
        await conn.execute(_NAME_IT, {"email_id": email_id})
    return email_id


# As whoever claims it does.
_NAME_IT = text(f"""
UPDATE mailboxes AS m SET under_way = m.under_way || e.id FROM scheduled_emails AS e
WHERE e.id = :email_id AND m.id = e.mailbox_id AND {IS_UNDER_WAY}
""")


async def _make(conn: AsyncConnection, table: Table, row: dict[str, Any]) -> UUID:
    row_id: UUID = row.get("id") or uuid7()
    async with _as_superuser(conn):
        await conn.execute(insert(table).values(row | {"id": row_id}))
    return row_id


@asynccontextmanager
async def _as_superuser(conn: AsyncConnection) -> AsyncIterator[None]:
    """Step out of the connection's role: a world is made past grants and row-level security."""
    role = await conn.scalar(text("SELECT current_user, set_config('role', 'none', true)"))
    yield
    await conn.execute(text("SELECT set_config('role', :role, true)"), {"role": role})
