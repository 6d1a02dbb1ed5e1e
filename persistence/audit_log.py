"""The audit log: who did what to which thing, and what of it was another before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, insert, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
from persistence.tables import audit_log

# JSON by column.
Columns = Mapping[str, Any]
HIDDEN = "***"
# Encrypted or hashed, and still nobody's business: that one is there, or was replaced, is all that is told.
SECRET_COLUMNS = frozenset(
    {"password_encrypted", "refresh_token_encrypted", "imap_password_encrypted", "key_hash", "token_hash"}
)
# Said by every entry already, or of no account.
_UNTOLD = frozenset({"id", "workspace_id", "created_at", "updated_at", "phase", "live_step_id", "under_way"})


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What *actor* did: *action*, *asked* for with these values, to the thing of *kind* with *object_id*.

    *figures* are its result where it was done to many; of *hidden* columns nobody is told what was in them.
    """

    actor: str
    actor_name: str
    action: str
    asked: Columns
    kind: str | None
    object_id: UUID | None
    figures: dict[str, int]
    hidden: frozenset[str] = frozenset()


async def columns_of(
    conn: AsyncConnection, workspace_id: WorkspaceId, table: Table, row_id: UUID, *, if_made: bool = False
) -> Columns | None:
    """
    A row as JSON, as this transaction sees it now; None when there is none.

    With *if_made* also None when this transaction did not make it.
    """
    owner = table.c.id if table.name == "workspaces" else table.c.workspace_id
    here = select(func.to_jsonb(table.table_valued())).where(owner == workspace_id, table.c.id == row_id)
    if if_made:
        here = here.where(table.c.created_at == func.now())
    columns: Columns | None = await conn.scalar(here)
    return columns


async def write_entry(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    entry: Entry,
    *,
    before: Columns | None,
    after: Columns | None,
    at: datetime,
) -> None:
    """Write *entry* down in the transaction that did it, with what is different between the two rows."""
    was, became = _difference(before, after, SECRET_COLUMNS | entry.hidden)
    became = became | entry.figures
    await conn.execute(
        insert(audit_log).values(
            workspace_id=workspace_id,
            actor=entry.actor,
            actor_name=entry.actor_name,
            action=entry.action,
            asked=_json(entry.asked),
            object_kind=entry.kind,
            object_id=entry.object_id,
            before=was or null(),
            after=became or null(),
            at=at,
        )
    )


def _difference(
    before: Columns | None, after: Columns | None, hidden: frozenset[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    if before is None or after is None:
        whole = before or after or {}
        told = {name for name, value in whole.items() if value is not None} - _UNTOLD
    else:
        told = {name for name in after if before.get(name) != after[name]} - _UNTOLD
    return _told(before or {}, told, hidden), _told(after or {}, told, hidden)


def _told(row: Columns, names: set[str], hidden: frozenset[str]) -> dict[str, Any]:
    return {
        name: HIDDEN if name in hidden and row[name] is not None else row[name]
        for name in sorted(names & row.keys())
    }


def _json(asked: Columns) -> Any:
    """Instants, dates and choices as text."""
    return json.loads(json.dumps(asked, default=str))
