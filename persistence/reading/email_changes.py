"""Reading what has just happened to emails, in the order in which it was written down."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import all_, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.reading.pages import AnyRow
from persistence.tables import email_events

happened = email_events.c


@dataclass(frozen=True, slots=True)
class Position:
    """
    How far events are numbered, and which transactions were open: all before *oldest_open* had ended, and
    none from *next_one* on had written anything.
    """

    number: int
    oldest_open: int
    next_one: int

    @property
    def is_settled(self) -> bool:
        """Whether no transaction was open that could still commit a lower number."""
        return self.oldest_open == self.next_one


# Numbers are given out by a sequence: a transaction that got a lower one may commit after a higher one. Who
# may have one up to `number` has a lower id than this transaction, which gets its own after that. The end of
# a snapshot would not tell: it lies behind the last transaction that has ended, and others run beyond it.
_POSITION = text("""
SELECT coalesce(pg_sequence_last_value('email_events_id_seq'::regclass), 0) AS number,
    pg_snapshot_xmin(now_open)::text::bigint AS oldest_open,
    pg_current_xact_id()::text::bigint AS next_one
FROM pg_current_snapshot() AS now_open
""")


async def position(conn: AsyncConnection) -> Position:
    row = (await conn.execute(_POSITION)).one()
    return Position(row.number, row.oldest_open, row.next_one)


async def events_after(
    conn: AsyncConnection,
    workspace_id: UUID,
    number: int,
    *,
    without: Collection[int] = (),
    most: int,
) -> Sequence[AnyRow]:
    """At most *most* events of the workspace above *number*, lowest first, but for those *without*."""
    known = literal(list(without), ARRAY(happened.id.type))
    found = (
        select(email_events)
        .where(happened.workspace_id == workspace_id, happened.id > number, happened.id != all_(known))
        .order_by(happened.id)
        .limit(most)
    )
    return (await conn.execute(found)).all()
