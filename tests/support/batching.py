"""A batch as the API schedules one, and its emails once they are planned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from actors.planner import Planner
from domain.ids import ContactId, MailboxId, SequenceId, WorkspaceId
from domain.waits import Wait
from persistence.batches import BatchTerms, add_batch_sequence, schedule_batch
from persistence.database import Database
from persistence.steps import NewStep, StepText
from persistence.tables import enrollments, scheduled_emails, sequences
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY, make_contact, make_mailbox, make_workspace

STEP = NewStep(StepText("Welcome, {{ first_name }}", "Hello"), wait=Wait(0))


@dataclass(frozen=True)
class Batch:
    """A batch, the contacts that it was scheduled for, in order, and the mailboxes of its workspace."""

    database: Database
    workspace_id: WorkspaceId
    sequence_id: SequenceId
    contact_ids: tuple[ContactId, ...]
    mailbox_ids: tuple[MailboxId, ...]

    async def plan(self, now: datetime = MONDAY, *, turn: int = 10_000) -> None:
        planner = Planner(database=self.database, clock=StandingClock(now), turn=turn)
        await planner(None, str(self.workspace_id))

    # Any: a row has the columns of its table.
    async def emails(self) -> Sequence[Row[Any]]:
        """Its emails, in the order of its contacts."""
        columns = scheduled_emails.c
        of_batch = select(scheduled_emails).where(columns.sequence_id == self.sequence_id)
        async with self.database.transaction() as conn:
            found = {row.contact_id: row for row in await conn.execute(of_batch)}
        return [found[each] for each in self.contact_ids if each in found]

    async def times(self, starts_at: datetime = MONDAY) -> list[timedelta]:
        """How long after *starts_at* each of them leaves."""
        return [email.send_at - starts_at for email in await self.emails()]

    async def enrollments(self) -> Sequence[Row[Any]]:
        columns = enrollments.c
        of_batch = select(enrollments).where(columns.sequence_id == self.sequence_id).order_by(columns.id)
        async with self.database.transaction() as conn:
            return (await conn.execute(of_batch)).all()

    async def status(self) -> str:
        of_batch = select(sequences.c.status).where(sequences.c.id == self.sequence_id)
        async with self.database.transaction() as conn:
            return str(await conn.scalar(of_batch))


async def make_batch(
    worker_db: Database,
    api_db: Database,
    contacts: int,
    *,
    workspace_id: WorkspaceId | None = None,
    boxes: int = 1,
    mailbox: dict[str, Any] | None = None,
    settings: dict[str, object] | None = None,
    starts_at: datetime = MONDAY,
    **pace: int,
) -> Batch:
    """
    Schedule one through all active mailboxes, *boxes* of them made for it; *pace* is delay, limit, or both.

    In a workspace of its own, unless one is given.
    """
    async with worker_db.transaction() as conn:
        workspace_id = workspace_id or await make_workspace(conn)
        mailbox_ids = [await make_mailbox(conn, workspace_id, **(mailbox or {})) for _ in range(boxes)]
        contact_ids = [
            await make_contact(conn, workspace_id, first_name=f"Reader {number}")
            for number in range(contacts)
        ]
    async with api_db.transaction(workspace_id) as conn:
        sequence_id = await add_batch_sequence(
            conn,
            workspace_id,
            settings={"name": "Welcome"} | (settings or {}),
            step=STEP,
            mailbox_ids=[],
            now=MONDAY,
        )
        await schedule_batch(
            conn,
            workspace_id,
            sequence_id,
            terms=BatchTerms(starts_at, **pace),
            contact_ids=contact_ids,
            now=MONDAY,
        )
    return Batch(worker_db, workspace_id, sequence_id, tuple(contact_ids), tuple(mailbox_ids))
