"""Packed rows: what PostgreSQL sent, read one by one only where somebody looks."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from domain.ids import EmailId
from persistence.database import Database
from persistence.packed_rows import PackedIds, PackedInstants

IDS = [EmailId(UUID(int=1)), EmailId(UUID(int=2**128 - 1))]
INSTANTS = [
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 3, 1, 9, 0, 0, 1, tzinfo=UTC),
]


async def test_postgresql_packs_what_is_unpacked_here(worker_db: Database) -> None:
    """Before and after the year from which it counts, to the microsecond."""
    async with worker_db.transaction() as conn:
        row = (
            await conn.execute(
                text("""
                SELECT string_agg(uuid_send(id), '' ORDER BY at),
                    string_agg(timestamptz_send(at), '' ORDER BY at)
                FROM unnest(CAST(:ids AS uuid[]), CAST(:instants AS timestamptz[])) AS email (id, at)
                """),
                {"ids": IDS, "instants": INSTANTS},
            )
        ).one()

    ids, instants = PackedIds(row[0]), PackedInstants(row[1])
    assert (list(ids), list(instants)) == (IDS, INSTANTS)
    assert (len(ids), len(instants)) == (2, 2)
    assert (ids[0], ids[-1]) == (IDS[0], IDS[1])
    assert (instants[-1], instants[1:]) == (INSTANTS[1], INSTANTS[1:])


def test_there_is_nothing_behind_the_last() -> None:
    """As with any sequence."""
    with pytest.raises(IndexError):
        PackedIds(IDS[0].bytes)[1]
    assert INSTANTS[0] + timedelta(microseconds=1) == datetime(2000, 1, 1, tzinfo=UTC)
    assert list(PackedInstants(bytes(8))) == [datetime(2000, 1, 1, tzinfo=UTC)]
