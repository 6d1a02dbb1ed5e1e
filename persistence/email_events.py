"""Events: what happened to each email, written with the change that they tell of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Text,
    cast,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId, EnrollmentId, MailboxId, WorkspaceId
from domain.lifecycle import EmailEvent
from persistence.changes import CHANGES
from persistence.statements import Statement
from persistence.tables import email_events, scheduled_emails


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of one email; *reply* is the server's, *cause* is ours."""

    workspace_id: WorkspaceId
    email_id: EmailId
    enrollment_id: EnrollmentId
    mailbox_id: MailboxId | None
    kind: EmailEvent
    attempt: int
    reply: str | None = None
    cause: str | None = None

    # Any: a row of scheduled emails, with whatever else was selected.
    @classmethod
    def of_row(
        cls, row: Any, kind: EmailEvent, *, reply: str | None = None, cause: str | None = None
    ) -> "Happening":
        ids = (row.workspace_id, row.id, row.enrollment_id, row.mailbox_id)
        return cls(*ids, kind, row.attempt, reply=reply, cause=cause)


# Whoever watches is woken in the same statement.
_RECORD = Statement(
    text("""
WITH recorded AS (
INSERT INTO email_events (
    workspace_id, email_id, enrollment_id, mailbox_id, kind, attempt, reply, cause, at
)
SELECT workspace_id, email_id, enrollment_id, mailbox_id, kind, attempt, reply, cause,
    CAST(:at AS timestamptz)
FROM unnest(
    CAST(:workspace_ids AS uuid[]), CAST(:email_ids AS uuid[]), CAST(:enrollment_ids AS uuid[]),
    CAST(:mailbox_ids AS uuid[]), CAST(:kinds AS text[]), CAST(:attempts AS int[]),
    CAST(:replies AS text[]), CAST(:causes AS text[])
) WITH ORDINALITY AS happened (
    workspace_id, email_id, enrollment_id, mailbox_id, kind, attempt, reply, cause, number
)
ORDER BY number
RETURNING workspace_id
)
SELECT pg_notify(:channel, workspace_id::text) FROM (SELECT DISTINCT workspace_id FROM recorded) AS changed
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
            replies=[each.reply for each in happenings],
            causes=[each.cause for each in happenings],
            at=at,
            channel=CHANGES,
        )


# What a change that is recorded with `recording` returns of its emails.
_columns = scheduled_emails.c
OF_EVENTS = (
    _columns.id,
    _columns.workspace_id,
    _columns.enrollment_id,
    _columns.mailbox_id,
    _columns.attempt,
)
_WORDS = ("code", "reply", "cause")


# Any: instants, and rows with an id first.
def recording(changed: CTE, kind: EmailEvent, *, at: ColumnElement[Any]) -> Select[Any]:
    """
    The ids of *changed*, once an event of *kind* is written for each, in one statement with the change.

    It returns `OF_EVENTS`, the `ordinal` in whose order it happened, and what there is of `code`, `reply` and
    `cause`. Whoever watches is woken.
    """
    events, of = email_events.c, changed.c
    facts = {
        events.email_id: of.id,
        events.workspace_id: of.workspace_id,
        events.enrollment_id: of.enrollment_id,
        events.mailbox_id: of.mailbox_id,
        events.attempt: of.attempt,
        events.kind: literal(str(kind)),
        events.at: at,
    } | {events[word]: of[word] for word in _WORDS if word in of}
    recorded = insert(email_events).from_select(
        list(facts), select(*facts.values()).order_by(of.ordinal), include_defaults=False
    )
    found = select(of.id).add_cte(recorded.cte("recorded"))
    if kind in _PASSED_OVER:
        return found
    told = select(of.workspace_id).distinct().subquery("told")
    waking = func.pg_notify(CHANGES, cast(told.c.workspace_id, Text))
    return found.add_columns(select(func.count(waking)).scalar_subquery())
