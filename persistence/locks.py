"""Locks on rows, held until the transaction ends.

Everyone takes them in one order, or two changes would wait for each other: the workspace's plan, then
sequences, mailboxes, contacts, enrollments, emails; within each by id. They are weaker than a plain
``FOR UPDATE``, which would also wait for every row that refers to the locked one.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
from persistence.arrays import among
from persistence.bulk_rows import fetch_tuples
from persistence.refusals import Noun, StaleObject, UnknownObject


# Any: the columns of a row are those of *table*.
async def lock_row(
    conn: AsyncConnection,
    table: Table,
    noun: Noun,
    *,
    workspace_id: WorkspaceId,
    row_id: UUID,
    expected_version: int | None = None,
) -> Row[Any]:
    """
    Lock one row for a change and answer it as it is now.

    Raises:
        UnknownObject: The workspace has no such row.
        StaleObject: It is not at *expected_version*.
    """
    found = await conn.execute(
        select(table)
        .where(table.c.workspace_id == workspace_id, table.c.id == row_id)
        .with_for_update(key_share=True)
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownObject(noun, [row_id])
    if expected_version is not None and row.version != expected_version:
        raise StaleObject(noun, row.version)
    return row


async def share_rows(
    conn: AsyncConnection,
    table: Table,
    noun: Noun,
    *,
    workspace_id: WorkspaceId,
    row_ids: Collection[UUID],
) -> dict[UUID, str]:
    """
    Keep rows as they are, while others may do the same; answer their statuses by id.

    Raises:
        UnknownObject: The workspace lacks some of them.
    """
    wanted = frozenset(row_ids)
    found = await fetch_tuples(
        conn,
        select(table.c.id, table.c.status)
        .where(table.c.workspace_id == workspace_id, among(table.c.id, wanted))
        .order_by(table.c.id)
        .with_for_update(read=True),
    )
    statuses: dict[UUID, str] = dict(found)
    if missing := wanted - statuses.keys():
        raise UnknownObject(noun, missing)
    return statuses
