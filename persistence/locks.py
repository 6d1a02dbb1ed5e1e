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
    (row,) = await lock_rows(conn, table, noun, workspace_id=workspace_id, row_ids=[row_id])
    if expected_version is not None and row.version != expected_version:
        raise StaleObject(noun, row.version)
    return row


async def lock_rows(
    conn: AsyncConnection,
    table: Table,
    noun: Noun,
    *,
    workspace_id: WorkspaceId,
    row_ids: Collection[UUID],
    shared: bool = False,
) -> list[Row[Any]]:
    """
    Lock several rows and answer them by id; *shared* keeps others from changing them, not from reading on.

    Raises:
        UnknownObject: The workspace lacks some of them.
    """
    wanted = frozenset(row_ids)
    rows = await conn.execute(
        select(table)
        .where(table.c.workspace_id == workspace_id, among(table.c.id, wanted))
        .order_by(table.c.id)
        .with_for_update(read=shared, key_share=not shared)
    )
    found = list(rows.all())
    if missing := wanted - {row.id for row in found}:
        raise UnknownObject(noun, missing)
    return found
