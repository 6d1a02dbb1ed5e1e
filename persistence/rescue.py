"""Rescue: what its holder cannot finish any more goes back to the plan, or is listed in doubt."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, literal, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, EmailId, EnrollmentId, SequenceId, WorkspaceId
from domain.lifecycle import EMAIL, EmailEvent, EmailStatus
from persistence.arrays import among
from persistence.email_events import Happening, record_events
from persistence.failures import Failed, after_failure
from persistence.mailbox_loads import DayCount, count_on_days
from persistence.progress import go_on, lock_enrollments
from persistence.resends import resend_at
from persistence.tables import scheduled_emails
from persistence.transitions import transition
from persistence.under_way import IS_UNDER_WAY, UNDER_WAY

# An email whose worker died is sent alone from then on; when it takes its worker down three times more,
# it is what kills them.
CRASHES_ALLOWED = 3

# Any: a row has the columns that are selected.
_Row = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Rescued:
    """The emails that one rescue found, by what became of them."""

    released: tuple[EmailId, ...]
    in_doubt: tuple[EmailId, ...]
    poisonous: tuple[EmailId, ...]


_OWNERS = text(f"""
SELECT DISTINCT enrollment_id FROM (
    SELECT e.enrollment_id FROM {UNDER_WAY} AS e
    WHERE e.lease_until < clock_timestamp()
    ORDER BY e.lease_until LIMIT :most
) AS oldest
""")
_EXPIRED = text(f"""
SELECT e.id, e.workspace_id, e.sequence_id, e.enrollment_id, e.contact_id, e.mailbox_id, e.status, e.attempt,
    e.crashes, e.quota_day, d.capacity, m.in_doubt_policy
FROM scheduled_emails AS e
JOIN mailboxes AS m ON m.id = e.mailbox_id
LEFT JOIN mailbox_days AS d ON d.mailbox_id = e.mailbox_id AND d.day = e.quota_day
WHERE e.enrollment_id = ANY(CAST(:enrollment_ids AS uuid[]))
    AND {IS_UNDER_WAY} AND e.lease_until < clock_timestamp()
ORDER BY e.id
FOR NO KEY UPDATE OF e SKIP LOCKED
""")


async def rescue(conn: AsyncConnection, *, now: datetime, limit: int = 500) -> Rescued:
    """
    Take back what ran out of its lease by the database's clock; *now* is the business time of the record.

    Before the point of no return nothing was handed over, so the email is pending again and its budget is
    given back. After it nobody can know: it is in doubt, and stays charged.
    """
    owners = list(await conn.scalars(_OWNERS, {"most": limit}))
    if not owners:
        return Rescued((), (), ())
    await lock_enrollments(conn, owners)
    expired = (await conn.execute(_EXPIRED, {"enrollment_ids": owners})).all()
    in_doubt = [row for row in expired if row.status == EmailStatus.COMMITTING]
    poisonous = [
        row for row in expired if row.status == EmailStatus.SENDING and row.crashes >= CRASHES_ALLOWED
    ]
    lost = {row.id for row in (*in_doubt, *poisonous)}
    released = [row for row in expired if row.id not in lost]
    await _release(conn, released, now=now)
    await _lose_sight(conn, in_doubt, now=now)
    await _fail(conn, poisonous, now=now)
    return Rescued(_ids(released), _ids(in_doubt), _ids(poisonous))


async def _release(conn: AsyncConnection, rows: Collection[_Row], *, now: datetime) -> None:
    crashed = [row for row in rows if row.status == EmailStatus.SENDING]
    columns = scheduled_emails.c
    for group, crash in ((crashed, 1), ([row for row in rows if row not in crashed], 0)):
        if group:
            await conn.execute(
                transition(EMAIL, scheduled_emails, EmailEvent.RESCUE)
                .where(among(columns.id, _ids(group)))
                .values(lease_until=None, crashes=columns.crashes + crash)
            )
    await record_events(conn, [Happening.of_row(row, EmailEvent.RESCUE) for row in rows], at=now)
    await _give_back(conn, rows)


async def _lose_sight(conn: AsyncConnection, rows: Collection[_Row], *, now: datetime) -> None:
    if not rows:
        return
    await conn.execute(
        transition(EMAIL, scheduled_emails, EmailEvent.LOSE_SIGHT)
        .where(among(scheduled_emails.c.id, _ids(rows)))
        .values(
            lease_until=None,
            retry_at=resend_at(literal(now, scheduled_emails.c.retry_at.type)),
            last_error="The sender was lost after the handover.",
        )
    )
    lost = [Happening.of_row(row, EmailEvent.LOSE_SIGHT, cause="SENDER_LOST") for row in rows]
    await record_events(conn, lost, at=now)
    assumed = [EnrollmentId(row.enrollment_id) for row in rows if row.in_doubt_policy == "ASSUME_SENT"]
    await go_on(conn, assumed, now=now)


async def _fail(conn: AsyncConnection, rows: Collection[_Row], *, now: datetime) -> None:
    if not rows:
        return
    await conn.execute(
        transition(EMAIL, scheduled_emails, EmailEvent.FAIL)
        .where(among(scheduled_emails.c.id, _ids(rows)))
        .values(
            lease_until=None, failure_reason="POISON", last_error="Sending it ended its worker each time."
        )
    )
    failed = [Happening.of_row(row, EmailEvent.FAIL, cause="POISON") for row in rows]
    await record_events(conn, failed, at=now)
    await _give_back(conn, rows)
    for row in rows:
        ids = (WorkspaceId(row.workspace_id), SequenceId(row.sequence_id), EnrollmentId(row.enrollment_id))
        failure = Failed(*ids, ContactId(row.contact_id), EmailId(row.id))
        await after_failure(conn, failure, bounces=False, now=now)


async def _give_back(conn: AsyncConnection, rows: Collection[_Row]) -> None:
    days: dict[tuple[UUID, date], DayCount] = {}
    for row in rows:
        if row.quota_day is not None and row.capacity is not None:
            days.setdefault((row.mailbox_id, row.quota_day), DayCount(row.capacity)).used -= 1
    await count_on_days(conn, days)


def _ids(rows: Collection[_Row]) -> tuple[EmailId, ...]:
    return tuple(EmailId(row.id) for row in rows)
