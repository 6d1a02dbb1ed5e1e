"""Sequences with a window by day, and what a planner made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text

from domain.ids import EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.recalculations import RecalculationCause
from persistence.database import Database
from persistence.recalculation_requests import request_recalculation
from persistence.tables import email_moves, enrollments, recalculations, scheduled_emails
from tests.support.world import (
    MONDAY,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

WORKDAYS = {"weekdays": [1, 2, 3, 4, 5], "intervals": [["09:00", "17:00"]]}
ONE_STEP = ((0, "Welcome", "Hello"),)


@dataclass(frozen=True)
class Planned:
    """A workspace with one sequence, 09:00–17:00 UTC on workdays, and its mailboxes."""

    database: Database
    workspace_id: WorkspaceId
    sequence_id: SequenceId
    mailbox_ids: tuple[MailboxId, ...]

    async def enroll(self, number: int, **overrides: Any) -> list[EnrollmentId]:
        async with self.database.transaction() as conn:
            return [
                await make_enrollment(conn, self.workspace_id, self.sequence_id, **overrides)
                for _ in range(number)
            ]

    async def execute(self, statement: str, **values: object) -> None:
        async with self.database.transaction() as conn:
            await conn.execute(text(statement), values)

    async def request(self, cause: RecalculationCause, **scope: Any) -> None:
        async with self.database.transaction() as conn:
            await request_recalculation(
                conn, self.workspace_id, cause=cause, requested_by="a test", now=MONDAY, **scope
            )

    async def let_a_second_pass(self) -> None:
        """After which nobody waits any more for further changes to be recalculated together."""
        await self.execute("UPDATE recalculations SET created_at = created_at - interval '1 s'")

    async def emails(self) -> Sequence[Row[Any]]:
        """All scheduled emails, soonest first."""
        columns = scheduled_emails.c
        return await self._rows(select(scheduled_emails).order_by(columns.send_at, columns.id))

    async def enrollments(self) -> Sequence[Row[Any]]:
        return await self._rows(select(enrollments).order_by(enrollments.c.id))

    async def moves(self) -> Sequence[Row[Any]]:
        """All moves, by where they led."""
        return await self._rows(select(email_moves).order_by(email_moves.c.to_send_at))

    async def recalculations(self) -> Sequence[Row[Any]]:
        return await self._rows(select(recalculations).order_by(recalculations.c.id))

    async def rows(self, query: str, **values: object) -> Sequence[Row[Any]]:
        return await self._rows(text(query).bindparams(**values))

    async def times(self) -> list[datetime]:
        return [email.send_at for email in await self.emails()]

    async def _rows(self, statement: Any) -> Sequence[Row[Any]]:
        async with self.database.transaction() as conn:
            return (await conn.execute(statement)).all()


async def make_planned(
    database: Database,
    *,
    mailboxes: int = 1,
    steps: Sequence[tuple[int, str, str]] = ONE_STEP,
    mailbox: dict[str, Any] | None = None,
    workspace_id: WorkspaceId | None = None,
    **overrides: Any,
) -> Planned:
    async with database.transaction() as conn:
        workspace_id = workspace_id or await make_workspace(conn)
        ids = tuple([await make_mailbox(conn, workspace_id, **(mailbox or {})) for _ in range(mailboxes)])
        sequence_id = await make_sequence(
            conn, workspace_id, steps=steps, mailboxes=ids, send_window=WORKDAYS, **overrides
        )
    return Planned(database, workspace_id, sequence_id, ids)
