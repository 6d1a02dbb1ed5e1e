"""API keys: each opens one workspace until it expires or is revoked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Scope
from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.direct_reads import prepared, read_after
from persistence.reading.pages import AnySelect
from persistence.secrets import new_secret, secret_hash
from persistence.tables import api_keys

_PREFIX = "db_"  # tells scanners for leaked secrets, and people, what they have found
_LAST_USE_GRAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ApiKeyIdentity:
    """Who asks, as far as a key tells."""

    key_id: UUID
    workspace_id: WorkspaceId
    name: str
    scopes: frozenset[Scope]


async def create_api_key(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    name: str,
    scopes: Collection[Scope] = tuple(Scope),
    expires_at: datetime | None = None,
) -> str:
    """Make a key and return it: `db_` and 43 characters. Only its hash is kept, so it is never seen again."""
    key = _PREFIX + new_secret()
    row = {"workspace_id": workspace_id, "name": name, "key_hash": secret_hash(key), "expires_at": expires_at}
    await conn.execute(
        insert(api_keys).values(row | {"scopes": [scope for scope in Scope if scope in scopes]})
    )
    return key


async def authenticate(database: Database, key: str) -> ApiKeyIdentity | None:
    """
    Whose *key* it is; None when it is unknown, expired or revoked, from that moment on.

    Needs no workspace: row-level security shows a key to whoever brings its hash. The use is noted on
    the key once a minute.
    """
    key_hash = secret_hash(key)
    statement = prepared("api key by hash", _valid_key)
    found = (
        await read_after(database, _BRING_HASH, key_hash.hex(), statement, {"key_hash": key_hash})
    ).rows()
    if not found:
        return None
    (row,) = found
    workspace_id = WorkspaceId(row.workspace_id)
    if row.is_newly_used:
        async with database.transaction(workspace_id) as conn:
            await conn.execute(
                update(api_keys).where(api_keys.c.id == row.id).values(last_used_at=func.now())
            )
    return ApiKeyIdentity(row.id, workspace_id, row.name, frozenset(map(Scope, row.scopes)))


def _valid_key() -> AnySelect:
    return select(
        api_keys.c.id, api_keys.c.workspace_id, api_keys.c.name, api_keys.c.scopes, _IS_NEWLY_USED
    ).where(
        api_keys.c.key_hash == bindparam("key_hash"),
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.now()),
    )


_BRING_HASH = "SELECT set_config('drumbeat.api_key_hash', %s, true)"
_IS_NEWLY_USED = or_(
    api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < func.now() - _LAST_USE_GRAIN
).label("is_newly_used")


async def revoke_api_key(conn: AsyncConnection, workspace_id: WorkspaceId, key_id: UUID) -> bool:
    """Let the key open nothing from now on; False when the workspace has no such key, or it was revoked."""
    revoked = await conn.execute(
        update(api_keys)
        .where(
            api_keys.c.workspace_id == workspace_id,
            api_keys.c.id == key_id,
            api_keys.c.revoked_at.is_(None),
        )
        .values(revoked_at=func.now())
    )
    return revoked.rowcount == 1
