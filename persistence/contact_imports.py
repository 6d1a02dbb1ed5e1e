"""Imports of contacts: begun, carried on batch by batch, and brought to an end."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import Update, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
from domain.imports import ImportStatus
from domain.pseudonyms import Pseudonyms
from persistence.contacts import ContactCard, upsert_contacts
from persistence.ids import uuid7
from persistence.storable_text import storable
from persistence.suppressions import suppressed_among
from persistence.tables import import_errors, imports


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not be taken, by the line on which it ends."""

    line: int
    field: str | None
    email: str | None
    reason: str


@dataclass(slots=True)
class ImportCounts:
    """What became of the rows of a file, or of a part of it."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    duplicates: int = 0
    suppressed: int = 0
    invalid: int = 0

    def add(self, other: "ImportCounts") -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def columns(self) -> dict[str, int]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


async def begin_import(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    requested_by: str,
    name: str | None = None,
    bytes_total: int | None = None,
) -> UUID:
    """Make the import that contacts refer to; it is running."""
    import_id = uuid7()
    await conn.execute(
        insert(imports).values(
            id=import_id,
            workspace_id=workspace_id,
            requested_by=requested_by,
            name=name,
            bytes_total=bytes_total,
        )
    )
    return import_id


async def write_contacts(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    import_id: UUID,
    *,
    cards: Sequence[ContactCard],
    pseudonyms: Pseudonyms,
    seen: Collection[str] = (),
) -> ImportCounts:
    """
    Write the contacts of one batch, no two of one address; those of *seen* addresses came before.

    Answers what became of them; rows, and those that could not be taken, are the caller's to count.
    """
    written = await upsert_contacts(
        conn, workspace_id, cards=cards, pseudonyms=pseudonyms, import_id=import_id
    )
    fresh = {address: contact for address, contact in written.items() if address not in seen}
    created = sum(contact.is_new for contact in fresh.values())
    suppressed = await suppressed_among(conn, workspace_id, addresses=fresh.keys())
    return ImportCounts(
        created=created,
        updated=len(fresh) - created,
        duplicates=len(written) - len(fresh),
        suppressed=len(suppressed),
    )


async def record_import(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    import_id: UUID,
    counts: ImportCounts,
    *,
    rejected: Sequence[RejectedRow] = (),
    bytes_read: int = 0,
) -> None:
    """Note how far an import is: *counts* of all of it, and the rows of this batch that were *rejected*."""
    if rejected:
        ours = {"workspace_id": workspace_id, "import_id": import_id}
        rows = [
            ours
            | {"line": row.line, "reason": storable(row.reason)}
            | {name: text and storable(text) for name, text in (("field", row.field), ("email", row.email))}
            for row in rejected
        ]
        await conn.execute(insert(import_errors), rows)
    await conn.execute(_of(workspace_id, import_id).values(bytes_read=bytes_read, **counts.columns()))


async def end_import(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    import_id: UUID,
    *,
    now: datetime,
    error: str | None = None,
) -> None:
    """Bring an import to its end: completed, or failed with *error*; what it wrote stays."""
    status = ImportStatus.COMPLETED if error is None else ImportStatus.FAILED
    await conn.execute(_of(workspace_id, import_id).values(status=str(status), error=error, finished_at=now))


def _of(workspace_id: WorkspaceId, import_id: UUID) -> Update:
    return update(imports).where(imports.c.workspace_id == workspace_id, imports.c.id == import_id)
