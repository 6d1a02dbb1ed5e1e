"""Figures of the whole installation: counted by one, read by all who ask how it goes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.reading.queue_stats import LATE_AFTER
from persistence.tables import figures
from persistence.under_way import UNDER_WAY
from persistence.unheld_emails import UNHELD

QUEUES = "queues"
"""Messages ready in each queue of the broker, by its name."""
EMAILS = "emails"
"""What `count_emails` answers."""
# A page of metrics names each mailbox, so there is an end to them.
_MOST_MAILBOXES = 500
OTHER_MAILBOXES = "others"


@dataclass(frozen=True, slots=True)
class Figure:
    """*value* is JSON; *measured_at* is real time."""

    value: Any
    measured_at: datetime


async def write_figure(conn: AsyncConnection, name: str, value: object) -> None:
    taken = {"name": name, "value": value, "measured_at": func.clock_timestamp()}
    written = insert(figures).values(taken)
    await conn.execute(
        written.on_conflict_do_update(index_elements=["name"], set_=taken | {"updated_at": func.now()})
    )


async def read_figure(conn: AsyncConnection, name: str) -> Figure | None:
    """The last one that was taken; None before the first."""
    asked = select(figures.c.value, figures.c.measured_at).where(figures.c.name == name)
    row = (await conn.execute(asked)).one_or_none()
    return None if row is None else Figure(row.value, row.measured_at)


# By the partial indexes, each small; what was sent and given up is on the days of the mailboxes. Cancelled
# emails are in no index and nobody waits for them. What something on hold keeps is not due.
_COUNTS = text(f"""
SELECT
    (SELECT count(*) FROM scheduled_emails WHERE phase = 'OPEN' AND status = 'PENDING') AS pending,
    due.*
FROM (
    SELECT min(e.send_at) AS oldest_due_at, count(*) AS due,
        count(*) FILTER (WHERE e.send_at < :late_since) AS late
    FROM {UNHELD} AND e.send_at <= :now
) AS due
""")
_UNDER_WAY = text(f"""
SELECT e.status, count(*) AS amount FROM {UNDER_WAY} AS e GROUP BY e.status
UNION ALL
SELECT status, count(*) FROM scheduled_emails WHERE phase = 'WAITING' GROUP BY status
""")
# The oldest mailboxes by name, so that none changes places; all others together.
_OF_MAILBOXES = text("""
WITH named AS (SELECT id, row_number() OVER (ORDER BY id) <= :most AS is_named FROM mailboxes)
SELECT CASE WHEN n.is_named THEN n.id::text ELSE :others END AS mailbox, sum(d.sent) AS sent,
    sum(d.failed) AS failed
FROM mailbox_days AS d JOIN named AS n ON n.id = d.mailbox_id
GROUP BY 1
""")


async def count_emails(conn: AsyncConnection, *, now: datetime) -> dict[str, Any]:
    """
    Emails of all workspaces as JSON: `states` by status, `due`, `late`, `oldest_due_s`, and by mailbox `sent`
    and `failed`.
    """
    counts = (await conn.execute(_COUNTS, {"now": now, "late_since": now - LATE_AFTER})).one()
    mailboxes = (
        await conn.execute(_OF_MAILBOXES, {"most": _MOST_MAILBOXES, "others": OTHER_MAILBOXES})
    ).all()
    states = {"PENDING": counts.pending, "QUEUED": 0, "SENDING": 0, "COMMITTING": 0}
    states |= {"RETRYING": 0, "IN_DOUBT": 0}
    states |= {row.status: row.amount for row in await conn.execute(_UNDER_WAY)}
    sent, failed = (
        {row.mailbox: int(row._mapping[kind]) for row in mailboxes} for kind in ("sent", "failed")
    )
    oldest = counts.oldest_due_at
    return {
        "states": states | {"SENT": sum(sent.values()), "FAILED": sum(failed.values())},
        "due": counts.due,
        "late": counts.late,
        "oldest_due_s": 0.0 if oldest is None else (now - oldest).total_seconds(),
        "sent": sent,
        "failed": failed,
    }
