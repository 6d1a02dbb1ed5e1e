"""Events: what happened to each email, written with the change that they tell of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId, EnrollmentId, MailboxId, WorkspaceId
from domain.lifecycle import EmailEvent
from persistence.attempts import Attempt
from persistence.changes import CHANGES
from persistence.statements import Statement


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


# Whoever watches is woken in the same statement: one more is one more wait for every group of emails.
_RECORD = Statement(
    text("""
WITH recorded AS (
INSERT INTO email_events (
    workspace_id, email_id, enrollment_id, mailbox_id, kind, attempt, code, reply, cause, at
)
SELECT workspace_id, email_id, enrollment_id, mailbox_id, kind, attempt, code, reply, cause,
    CAST(:at AS timestamptz)
FROM unnest(
    CAST(:workspace_ids AS uuid[]), CAST(:email_ids AS uuid[]), CAST(:enrollment_ids AS uuid[]),
    CAST(:mailbox_ids AS uuid[]), CAST(:kinds AS text[]), CAST(:attempts AS int[]), CAST(:codes AS int[]),
    CAST(:replies AS text[]), CAST(:causes AS text[])
) WITH ORDINALITY AS happened (
    workspace_id, email_id, enrollment_id, mailbox_id, kind, attempt, code, reply, cause, number
)
ORDER BY number
RETURNING workspace_id
)
SELECT pg_notify(:channel, workspace_id::text) FROM (SELECT DISTINCT workspace_id FROM recorded) AS changed
WHERE CAST(:is_told AS boolean)
""")
)
# Told of with what follows a moment later: commits that notify wait for each other in the whole database.
_PASSED_OVER = frozenset({EmailEvent.COMMIT})


async def record_events(conn: AsyncConnection, happenings: Sequence[Happening], *, at: datetime) -> None:
    """Write *happenings*, which all took place at business time *at*, and wake those who watch."""
    if happenings:
        await _RECORD.run(
            conn,
            workspace_ids=[each.workspace_id for each in happenings],
            email_ids=[each.email_id for each in happenings],
            enrollment_ids=[each.enrollment_id for each in happenings],
            mailbox_ids=[each.mailbox_id for each in happenings],
            kinds=[str(each.kind) for each in happenings],
            attempts=[each.attempt for each in happenings],
            codes=[each.code for each in happenings],
            replies=[each.reply for each in happenings],
            causes=[each.cause for each in happenings],
            at=at,
            channel=CHANGES,
            is_told=not _PASSED_OVER.issuperset(each.kind for each in happenings),
        )
