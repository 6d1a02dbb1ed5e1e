"""API keys: whom they let in, and for how long."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from domain.access import Scope
from domain.ids import WorkspaceId
from persistence.api_keys import authenticate, create_api_key, revoke_api_key
from persistence.database import Database
from persistence.tables import api_keys
from persistence.workspaces import create_workspace

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
TOMORROW = datetime.now(UTC) + timedelta(days=1)


async def workspace_with_key(
    api_db: Database, *, expires_at: datetime | None = None
) -> tuple[WorkspaceId, str]:
    async with api_db.transaction() as conn:
        workspace_id = await create_workspace(conn, name="Welcome Ltd", zone="UTC")
        return workspace_id, await create_api_key(conn, workspace_id, name="dashboard", expires_at=expires_at)


async def test_a_key_opens_its_workspace(api_db: Database) -> None:
    """Among others, without having been told which."""
    await workspace_with_key(api_db)
    workspace_id, key = await workspace_with_key(api_db, expires_at=TOMORROW)

    identity = await authenticate(api_db, key)

    assert identity is not None
    assert (identity.workspace_id, identity.name) == (workspace_id, "dashboard")
    assert identity.scopes == frozenset(Scope)


async def test_a_key_is_kept_nowhere(api_db: Database) -> None:
    """The row holds its SHA-256; the key says what it is and is long enough to need no salt."""
    workspace_id, key = await workspace_with_key(api_db)

    async with api_db.transaction(workspace_id) as conn:
        row = (await conn.execute(select(api_keys))).one()

    assert key.startswith("db_")
    assert len(key) == 46
    assert len(row.key_hash) == 32
    assert key not in str(row)


@pytest.mark.parametrize("key", ["", "db_", "db_" + "A" * 43, "x" * 1000])
async def test_an_unknown_key_opens_nothing(api_db: Database, key: str) -> None:
    """Also when it looks like one."""
    await workspace_with_key(api_db)

    assert await authenticate(api_db, key) is None


async def test_an_expired_key_opens_nothing(api_db: Database) -> None:
    """From the instant on that it was given."""
    _, key = await workspace_with_key(api_db, expires_at=YESTERDAY)

    assert await authenticate(api_db, key) is None


async def test_a_revoked_key_opens_nothing(api_db: Database) -> None:
    """At once; revoking it again says that there was nothing to do."""
    workspace_id, key = await workspace_with_key(api_db)
    identity = await authenticate(api_db, key)
    assert identity is not None

    async with api_db.transaction(workspace_id) as conn:
        first = await revoke_api_key(conn, workspace_id, identity.key_id)
        second = await revoke_api_key(conn, workspace_id, identity.key_id)

    assert (first, second) == (True, False)
    assert await authenticate(api_db, key) is None


async def test_a_key_of_another_workspace_cannot_be_revoked(api_db: Database) -> None:
    """Nor one that never was."""
    _, key = await workspace_with_key(api_db)
    other_id, _ = await workspace_with_key(api_db)
    identity = await authenticate(api_db, key)
    assert identity is not None

    async with api_db.transaction(other_id) as conn:
        revoked = [await revoke_api_key(conn, other_id, key_id) for key_id in (identity.key_id, uuid4())]

    assert revoked == [False, False]
    assert await authenticate(api_db, key) == identity


async def test_the_last_use_of_a_key_is_noted_once_a_minute(api_db: Database) -> None:
    """So that a busy key does not write a row per request."""
    workspace_id, key = await workspace_with_key(api_db)
    last_use = select(api_keys.c.last_used_at)

    await authenticate(api_db, key)
    async with api_db.transaction(workspace_id) as conn:
        first = await conn.scalar(last_use)
    await authenticate(api_db, key)
    async with api_db.transaction(workspace_id) as conn:
        soon_after = await conn.scalar(last_use)
        await conn.execute(update(api_keys).values(last_used_at=YESTERDAY))
    await authenticate(api_db, key)
    async with api_db.transaction(workspace_id) as conn:
        next_day = await conn.scalar(last_use)

    assert first is not None
    assert soon_after == first
    assert next_day is not None
    assert next_day >= first
