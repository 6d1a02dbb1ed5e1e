"""The point of no return: what is marked here may have arrived, whatever happens next."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Interval, Text, any_, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId
from domain.letter import Letter
from domain.lifecycle import EMAIL, EmailEvent
from persistence.arrays import given
from persistence.attempts import Attempt
from persistence.email_events import OF_EVENTS, recording
from persistence.statements import Statement
from persistence.tables import letters, scheduled_emails
from persistence.transitions import transition


class Committing(NamedTuple):
    """An attempt whose letter is with the server but for the final dot."""

    attempt: Attempt
    letter: Letter


# In the order that everyone keeps, which is that of the columns: a stop, which updates one of these rows,
# comes wholly before or wholly after. What is read under the locks is read by the next statement, or it would
# be stale.
_LOCK = Statement(
    text(
        "SELECT "
        + ", ".join(
            f"""(SELECT count(*) FROM (
    SELECT FROM {table} WHERE id = ANY(CAST(:{table} AS uuid[])) ORDER BY id FOR SHARE
) AS locked)"""
            for table in ("sequences", "mailboxes", "contacts", "enrollments")
        )
    )
)


async def mark_committing(
    conn: AsyncConnection, group: Sequence[Committing], *, now: datetime, lease: timedelta
) -> frozenset[EmailId]:
    """
    Mark the emails that may be ended with a dot now, and store what was written; the ids of those.

    Left out are those that someone stopped, whose lease ran out, or that another attempt took over.
    """
    attempts = [each.attempt for each in group]
    stoppable: dict[str, list[UUID]] = {
        "sequences": list({attempt.sequence_id for attempt in attempts}),
        "mailboxes": list({attempt.mailbox_id for attempt in attempts}),
        "contacts": list({attempt.contact_id for attempt in attempts}),
        "enrollments": list({attempt.enrollment_id for attempt in attempts}),
    }
    await _LOCK.run(conn, **stoppable)
    written = [each.letter for each in group]
    marked = await _MARK.rows(
        conn,
        email_ids=[attempt.email_id for attempt in attempts],
        tokens=[attempt.token for attempt in attempts],
        days=[attempt.window_day for attempt in attempts],
        step_versions=[attempt.step_version_id for attempt in attempts],
        written_subjects=[letter.subject for letter in written],
        parents=[letter.parent for letter in written],
        roots=[letter.thread_root for letter in written],
        joined_references=[" ".join(letter.references) for letter in written],
        written_texts=[letter.text for letter in written],
        written_htmls=[letter.html for letter in written],
        now=now,
        lease=lease,
        **stoppable,
    )
    return frozenset(EmailId(row.id) for row in marked)


_columns = scheduled_emails.c
_GIVEN = given(
    {
        "email_id": _columns.id.type,
        "token": _columns.attempt_token.type,
        "day": _columns.window_day.type,
        "step_version": _columns.step_version_id.type,
        "written_subject": _columns.subject.type,
        "parent": _columns.parent_message_id.type,
        "root": _columns.thread_root.type,
        # An array of arrays has to be rectangular; ids hold no spaces.
        "joined_reference": Text(),
        "written_text": letters.c.body_text.type,
        "written_html": letters.c.body_html.type,
    }
)
# Whoever was not stopped, as they are locked; emails in one order, which an UPDATE does not have. Asked for
# as an array: PostgreSQL expects ten rows of it, and as a join would look through all of them for each email.
# Those that may go on are sets, hashed once, which IS TRUE keeps from becoming joins: all mailboxes would be
# read for one, and the others looked up row by row.
_UNSTOPPED = (
    text("""
SELECT e.id
FROM scheduled_emails AS e
WHERE e.id = ANY(CAST(:email_ids AS uuid[]))
    AND (e.sequence_id IN (
        SELECT q.id FROM sequences AS q JOIN workspaces AS w ON w.id = q.workspace_id
        WHERE q.id = ANY(CAST(:sequences AS uuid[])) AND q.status = 'ACTIVE' AND w.sending_paused_at IS NULL
    )) IS TRUE
    AND (e.mailbox_id IN (
        SELECT m.id FROM mailboxes AS m WHERE m.id = ANY(CAST(:mailboxes AS uuid[])) AND m.status = 'ACTIVE'
    )) IS TRUE
    AND (e.contact_id IN (
        SELECT c.id FROM contacts AS c
        WHERE c.id = ANY(CAST(:contacts AS uuid[])) AND c.status = 'ACTIVE' AND NOT EXISTS (
            SELECT FROM suppressions AS u
            WHERE u.workspace_id = c.workspace_id AND u.address = c.normalised_email
        )
    )) IS TRUE
    AND (e.enrollment_id IN (
        SELECT n.id FROM enrollments AS n
        WHERE n.id = ANY(CAST(:enrollments AS uuid[])) AND n.status = 'ACTIVE'
    )) IS TRUE
ORDER BY e.id FOR NO KEY UPDATE OF e
""")
    .bindparams(email_ids=None, sequences=None, mailboxes=None, contacts=None, enrollments=None)
    .columns(_columns.id)
    .cte("unstopped")
)
_NOW = bindparam("now", None, _columns.committing_at.type)
_MARKED = (
    transition(EMAIL, scheduled_emails, EmailEvent.COMMIT)
    .where(
        _columns.id == _GIVEN.c.email_id,
        _GIVEN.c.email_id == any_(func.array(select(_UNSTOPPED.c.id).scalar_subquery())),
        _columns.attempt_token == _GIVEN.c.token,
        _columns.lease_until > func.clock_timestamp(),
    )
    .values(
        step_version_id=_GIVEN.c.step_version,
        subject=_GIVEN.c.written_subject,
        parent_message_id=_GIVEN.c.parent,
        thread_root=_GIVEN.c.root,
        thread_references=func.string_to_array(_GIVEN.c.joined_reference, " "),
        # From here on the days are those of the real attempt: waits and quotas count from them, even
        # when nobody lives to record how it ended.
        window_day=_GIVEN.c.day,
        send_day=_columns.quota_day,
        committing_at=_NOW,
        lease_until=func.clock_timestamp() + bindparam("lease", None, Interval()),
    )
    .returning(*OF_EVENTS, _GIVEN.c.ordinal, _GIVEN.c.written_text, _GIVEN.c.written_html)
    .cte("marked")
)
_KEEP = insert(letters).from_select(
    ["email_id", "workspace_id", "body_text", "body_html"],
    select(_MARKED.c.id, _MARKED.c.workspace_id, _MARKED.c.written_text, _MARKED.c.written_html),
)
_KEPT = _KEEP.on_conflict_do_update(
    index_elements=[letters.c.email_id],
    set_={
        "body_text": _KEEP.excluded.body_text,
        "body_html": _KEEP.excluded.body_html,
        "updated_at": func.now(),
    },
).cte("kept")
_MARK = Statement(recording(_MARKED, EmailEvent.COMMIT, at=_NOW).add_cte(_KEPT))
