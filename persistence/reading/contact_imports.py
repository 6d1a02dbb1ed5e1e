"""Reading imports."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.imports import ImportStatus
from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, number_key, uuid_key
from persistence.tables import import_errors, imports

ORDER = Order((uuid_key(imports.c.id),))
ERROR_ORDER = Order((number_key(import_errors.c.id),))
# A process that reads a file notes each batch; one that was silent for so long, in real time, is gone.
_SILENCE = timedelta(minutes=5)
_LOST = "The process that read the file is gone."
_is_lost = and_(
    imports.c.status == str(ImportStatus.RUNNING),
    imports.c.updated_at < func.clock_timestamp() - literal(_SILENCE),
)
_STATUS = case((_is_lost, str(ImportStatus.FAILED)), else_=imports.c.status)
_DERIVED = ("status", "error")


def imports_where(
    workspace_id: UUID,
    *,
    statuses: Collection[ImportStatus] | None = None,
    updated_since: datetime | None = None,
) -> AnySelect:
    """Imports; those whose process is gone have failed, though nobody was left to note it."""
    found = select(
        *(column for column in imports.c if column.name not in _DERIVED),
        _STATUS.label("status"),
        case((_is_lost, _LOST), else_=imports.c.error).label("error"),
    ).where(imports.c.workspace_id == workspace_id)
    if statuses is not None:
        found = found.where(_STATUS.in_(statuses))
    if updated_since is not None:
        found = found.where(imports.c.updated_at >= updated_since)
    return found


async def imports_by_id(conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[AnyRow]:
    return (await conn.execute(imports_where(workspace_id).where(among(imports.c.id, ids)))).all()


def errors_of(workspace_id: UUID, import_id: UUID) -> AnySelect:
    """The rows of an import that could not be taken."""
    return select(import_errors).where(
        import_errors.c.workspace_id == workspace_id, import_errors.c.import_id == import_id
    )
