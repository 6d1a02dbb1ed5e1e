"""The point of no return: what is marked here may have arrived, whatever happens next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Text, func, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId
from domain.letter import Letter
from domain.lifecycle import EMAIL, EmailEvent
from persistence.arrays import unnested
from persistence.attempts import Attempt
from persistence.email_events import Happening, record_events
from persistence.tables import scheduled_emails
from persistence.transitions import transition


@dataclass(frozen=True, slots=True)
class Committing:
    """An attempt whose letter is with the server but for the final dot."""

    attempt: Attempt
    letter: Letter


# In the order that everyone keeps, which is that of the columns: a stop, which updates one of these rows,
# comes wholly before or wholly after. What is read under the locks is read by the next statement, or it would
# be stale.
_LOCK = text(
    "SELECT "
    + ", ".join(
        f"""(SELECT count(*) FROM (
    SELECT FROM {table} WHERE id = ANY(CAST(:{table} AS uuid[])) ORDER BY id FOR SHARE
) AS locked)"""
        for table in ("sequences", "mailboxes", "contacts", "enrollments")
    )
)
_UNSTOPPED = text("""
SELECT e.id
FROM scheduled_emails AS e
JOIN enrollments AS n ON n.id = e.enrollment_id AND n.status = 'ACTIVE'
JOIN sequences AS q ON q.id = e.sequence_id AND q.status = 'ACTIVE'
JOIN contacts AS c ON c.id = e.contact_id AND c.status = 'ACTIVE'
JOIN mailboxes AS m ON m.id = e.mailbox_id AND m.status = 'ACTIVE'
JOIN workspaces AS w ON w.id = e.workspace_id AND w.sending_paused_at IS NULL
WHERE e.id = ANY(CAST(:ids AS uuid[])) AND NOT EXISTS (
    SELECT FROM suppressions AS u WHERE u.workspace_id = e.workspace_id AND u.address = c.normalised_email
)
ORDER BY e.id FOR NO KEY UPDATE OF e
""")


async def mark_committing(
    conn: AsyncConnection, group: Sequence[Committing], *, now: datetime, lease: timedelta
) -> frozenset[EmailId]:
    """
    Mark the emails that may be ended with a dot now, and store what was written; the ids of those.

    Left out are those that someone stopped, whose lease ran out, or that another attempt took over.
    """
    attempts = [each.attempt for each in group]
    stoppable: dict[str, set[UUID]] = {
        "sequences": {attempt.sequence_id for attempt in attempts},
        "mailboxes": {attempt.mailbox_id for attempt in attempts},
        "contacts": {attempt.contact_id for attempt in attempts},
        "enrollments": {attempt.enrollment_id for attempt in attempts},
    }
    await conn.execute(_LOCK, {table: list(ids) for table, ids in stoppable.items()})
    unstopped = set(await conn.scalars(_UNSTOPPED, {"ids": [attempt.email_id for attempt in attempts]}))
    committed = await _mark(conn, [each for each in group if each.attempt.email_id in unstopped], now, lease)
    passed = [attempt for attempt in attempts if attempt.email_id in committed]
    await record_events(conn, [Happening.of_attempt(each, EmailEvent.COMMIT) for each in passed], at=now)
    return committed


async def _mark(
    conn: AsyncConnection, group: Sequence[Committing], now: datetime, lease: timedelta
) -> frozenset[EmailId]:
    columns = scheduled_emails.c
    stored = ("step_version_id", "subject", "body_text", "body_html", "parent_message_id", "thread_root")
    rows = [_stored(each) for each in group]
    given = unnested(
        {"id": columns.id.type, "token": columns.attempt_token.type, "window_day": columns.window_day.type}
        | {name: columns[name].type for name in stored}
        # An array of arrays has to be rectangular; ids hold no spaces.
        | {"joined_references": Text()},
        {
            name: [row[name] for row in rows]
            for name in ("id", "token", "window_day", *stored, "joined_references")
        },
    )
    marked = await conn.scalars(
        transition(EMAIL, scheduled_emails, EmailEvent.COMMIT)
        .where(
            columns.id == given.c.id,
            columns.attempt_token == given.c.token,
            columns.lease_until > func.clock_timestamp(),
        )
        .values(
            {name: given.c[name] for name in stored}
            | {"thread_references": func.string_to_array(given.c.joined_references, " ")}
            # From here on the days are those of the real attempt: waits and quotas count from them, even
            # when nobody lives to record how it ended.
            | {"window_day": given.c.window_day, "send_day": columns.quota_day}
            | {"committing_at": now, "lease_until": func.clock_timestamp() + lease}
        )
        .returning(columns.id)
    )
    return frozenset(EmailId(each) for each in marked)


def _stored(committing: Committing) -> dict[str, object]:
    attempt, letter = committing.attempt, committing.letter
    return {
        "id": attempt.email_id,
        "token": attempt.token,
        "window_day": attempt.window_day,
        "step_version_id": attempt.step_version_id,
        "subject": letter.subject,
        "body_text": letter.text,
        "body_html": letter.html,
        "parent_message_id": letter.parent,
        "thread_root": letter.thread_root,
        "joined_references": " ".join(letter.references),
    }
