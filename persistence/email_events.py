"""Events: what happened to each email, written with the change that they tell of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId, EnrollmentId, MailboxId, WorkspaceId
from domain.lifecycle import EmailEvent
from persistence.arrays import unnested
from persistence.attempts import Attempt
from persistence.changes import CHANGES
from persistence.tables import email_events


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of one email; *code* and *reply* are the server's, *cause* is ours."""

    workspace_id: WorkspaceId
    email_id: EmailId
    enrollment_id: EnrollmentId
    mailbox_id: MailboxId | None
    kind: EmailEvent
    attempt: int
    code: int | None = None
    reply: str | None = None
    cause: str | None = None

    # Any: a row of scheduled emails, with whatever else was selected.
    @classmethod
    def of_row(
        cls, row: Any, kind: EmailEvent, *, reply: str | None = None, cause: str | None = None
    ) -> "Happening":
        ids = (row.workspace_id, row.id, row.enrollment_id, row.mailbox_id)
        return cls(*ids, kind, row.attempt, reply=reply, cause=cause)

    @classmethod
    def of_attempt(
        cls,
        attempt: Attempt,
        kind: EmailEvent,
        *,
        code: int | None = None,
        reply: str | None = None,
        cause: str | None = None,
    ) -> "Happening":
        ids = (attempt.workspace_id, attempt.email_id, attempt.enrollment_id, attempt.mailbox_id)
        return cls(*ids, kind, attempt.number, code=code, reply=reply, cause=cause)


_RECORDED = (
    "workspace_id",
    "email_id",
    "enrollment_id",
    "mailbox_id",
    "kind",
    "attempt",
    "code",
    "reply",
    "cause",
)


# Told of with what follows a moment later: commits that notify wait for each other in the whole database.
_PASSED_OVER = frozenset({EmailEvent.COMMIT})


async def record_events(conn: AsyncConnection, happenings: Sequence[Happening], *, at: datetime) -> None:
    """Write *happenings*, which all took place at business time *at*, and wake those who watch."""
    if not happenings:
        return
    given = unnested(
        {name: email_events.c[name].type for name in _RECORDED},
        {
            name: [str(each.kind) if name == "kind" else getattr(each, name) for each in happenings]
            for name in _RECORDED
        },
    )
    rows = select(*(given.c[name] for name in _RECORDED), literal(at, email_events.c.at.type)).order_by(
        given.c.ordinal
    )
    recorded = insert(email_events).from_select([*_RECORDED, "at"], rows)
    if all(each.kind in _PASSED_OVER for each in happenings):
        await conn.execute(recorded)
        return
    # In the same statement, because one more is one more wait for every group of emails.
    written = recorded.returning(email_events.c.workspace_id).cte("written")
    changed = select(written.c.workspace_id).distinct().subquery()
    await conn.execute(select(func.pg_notify(CHANGES, cast(changed.c.workspace_id, Text))))
