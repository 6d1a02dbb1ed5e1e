"""API keys: each opens one workspace until it expires or is revoked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Scope
from domain.ids import WorkspaceId
from persistence.database import enter_workspace
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


async def authenticate(conn: AsyncConnection, key: str) -> ApiKeyIdentity | None:
    """
    Whose *key* it is, and enter that workspace; None when it is unknown, expired or revoked.

    Needs no workspace: row-level security shows a key to whoever brings its hash. The use is noted on
    the key once a minute.
    """
    key_hash = secret_hash(key)
    await conn.execute(_BRING_HASH, {"key_hash": key_hash.hex()})
    valid = (
        api_keys.c.key_hash == key_hash,
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.now()),
    )
    found = (await conn.execute(select(api_keys, _IS_NEWLY_USED).where(*valid))).one_or_none()
    if found is None:
        return None
    workspace_id = WorkspaceId(found.workspace_id)
    await enter_workspace(conn, workspace_id)
    if found.is_newly_used:
        await conn.execute(update(api_keys).where(api_keys.c.id == found.id).values(last_used_at=func.now()))
    return ApiKeyIdentity(found.id, workspace_id, found.name, frozenset(map(Scope, found.scopes)))


_BRING_HASH = text("SELECT set_config('drumbeat.api_key_hash', :key_hash, true)")
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
