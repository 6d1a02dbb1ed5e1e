"""How many requests somebody made in the present minute, counted by all processes together."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.tables import rate_limits

WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Grant:
    """So many *requests* may be made at once; *left* are for whoever asks next, until *ends_in*."""

    requests: int
    left: int
    ends_in: timedelta


async def grant(
    conn: AsyncConnection, subject: str, *, limit: int, at_once: int, window: timedelta = WINDOW
) -> Grant:
    """Take up to *at_once* of the *limit* requests of *subject* in a *window* of the database's clock."""
    given = {"subject": subject, "limit": limit, "at_once": min(at_once, limit), "window": window}
    row = (await conn.execute(_GRANT, given)).one()
    return Grant(requests=row.granted, left=max(limit - row.used, 0), ends_in=row.ends_in)


_GRANT = text("""
INSERT INTO rate_limits AS r (subject, window_start, used, granted)
VALUES (:subject, date_bin(:window, clock_timestamp(), 'epoch'), :at_once, :at_once)
ON CONFLICT (subject) DO UPDATE SET
    window_start = excluded.window_start,
    granted = CASE WHEN r.window_start < excluded.window_start THEN :at_once
        ELSE greatest(least(:at_once, :limit - r.used), 0) END,
    used = CASE WHEN r.window_start < excluded.window_start THEN :at_once
        ELSE greatest(least(r.used + :at_once, :limit), r.used) END,
    updated_at = now()
RETURNING granted, used, window_start + :window - clock_timestamp() AS ends_in
""")


async def forget_past(conn: AsyncConnection, *, before: datetime) -> int:
    """Delete the counts of minutes that began before *before*, in real time."""
    forgotten = await conn.execute(delete(rate_limits).where(rate_limits.c.window_start < before))
    return forgotten.rowcount
