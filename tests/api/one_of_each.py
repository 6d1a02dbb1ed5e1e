"""A workspace that has one thing of each kind."""

from uuid import UUID

from sqlalchemy import insert, select

from domain.ids import SequenceId, WorkspaceId
from domain.threads import new_message_id
from persistence.contact_imports import begin_import
from persistence.database import Database
from persistence.ids import uuid7
from persistence.tables import (
    alerts,
    api_keys,
    audit_log,
    batches,
    email_events,
    email_moves,
    recalculations,
    steps,
    suppressions,
)
from tests.api.client import ApiClient
from tests.support.world import (
    MONDAY,
    make_contact,
    make_email,
    make_enrollment,
    make_invitation,
    make_mailbox,
    make_member,
    make_sequence,
)


def message_id(email_id: UUID) -> str:
    """As its email has it: an email is found by the id in its Message-ID."""
    return new_message_id(email_id, "someone@sender.example")


async def one_of_each(api: ApiClient, worker_db: Database, api_db: Database) -> dict[str, UUID | int]:
    """A thing of each kind in the client's workspace: its key, by the kind's name."""
    async with api_db.transaction(api.workspace_id) as conn:
        key_id = (await conn.execute(select(api_keys.c.id))).scalar_one()
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id, mailboxes=[mailbox_id])
        contact_id = await make_contact(conn, api.workspace_id)
        enrollment_id = await make_enrollment(
            conn, api.workspace_id, sequence_id, contact_id, mailbox_id=mailbox_id
        )
        email_id = uuid7()
        await make_email(conn, enrollment_id, id=email_id, message_id=message_id(email_id))
        ours = {"workspace_id": api.workspace_id}
        of_email = ours | {"email_id": email_id, "at": MONDAY}
        event = of_email | {"enrollment_id": enrollment_id, "kind": "CLAIM"}
        done = ours | {"actor": "someone", "actor_name": "Someone", "action": "removeStep", "at": MONDAY}
        unwanted = ours | {"address": f"{api.workspace_id}@unwanted.example", "reason": "MANUAL"}
        asked = ours | {"cause": "REBALANCE", "requested_by": "someone", "requested_at": MONDAY}
        raised = {"kind": "NEEDS_AUTH", "severity": "CRITICAL", "mailbox_id": mailbox_id, "opened_at": MONDAY}
        return {
            "Alert": await conn.scalar(insert(alerts).values(ours | raised).returning(alerts.c.id)),
            "Workspace": api.workspace_id,
            "ApiKey": key_id,
            "Member": await make_member(conn, api.workspace_id),
            "Invitation": await make_invitation(conn, api.workspace_id),
            "Mailbox": mailbox_id,
            "Import": await _make_import(api_db, api.workspace_id),
            "Suppression": await conn.scalar(
                insert(suppressions).values(unwanted).returning(suppressions.c.id)
            ),
            "Sequence": sequence_id,
            "Contact": contact_id,
            "Enrollment": enrollment_id,
            "ScheduledEmail": email_id,
            "Step": (
                await conn.execute(
                    select(steps.c.id).where(steps.c.sequence_id == sequence_id, steps.c.position == 1)
                )
            ).scalar_one(),
            "Batch": await _make_batch(api_db, api.workspace_id),
            "AuditEntry": await conn.scalar(insert(audit_log).values(done).returning(audit_log.c.id)),
            "EmailEvent": await conn.scalar(insert(email_events).values(event).returning(email_events.c.id)),
            "EmailMove": await conn.scalar(
                insert(email_moves).values(of_email | {"cause": "LATE"}).returning(email_moves.c.id)
            ),
            "Recalculation": await conn.scalar(
                insert(recalculations).values(asked).returning(recalculations.c.id)
            ),
        }


async def _make_import(api_db: Database, workspace_id: WorkspaceId) -> UUID:
    """The worker makes none either."""
    async with api_db.transaction(workspace_id) as conn:
        return await begin_import(conn, workspace_id, requested_by="someone")


async def _make_batch(api_db: Database, workspace_id: WorkspaceId) -> SequenceId:
    """The worker makes none."""
    async with api_db.transaction(workspace_id) as conn:
        sequence_id = await make_sequence(conn, workspace_id, kind="ONE_OFF")
        row = {"id": sequence_id, "workspace_id": workspace_id, "count": 1, "starts_at": MONDAY}
        await conn.execute(insert(batches).values(row))
    return sequence_id
