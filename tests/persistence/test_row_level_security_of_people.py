"""Row-level security of people, who exist beside workspaces, and of how they find one."""

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Table, func, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.api_keys import create_api_key
from persistence.database import Database
from persistence.sessions import open_session
from persistence.tables import (
    api_keys,
    invitations,
    logins,
    members,
    sessions,
    users,
)
from tests.support.world import make_invitation, make_member, make_workspace


async def test_people_are_seen_by_the_workspaces_they_are_members_of(
    api_db: Database, worker_db: Database
) -> None:
    """And by nobody who has not entered one."""
    async with worker_db.transaction() as conn:
        ours, theirs = await make_workspace(conn), await make_workspace(conn)
        await make_member(conn, ours)
    people = select(func.count()).select_from(users)

    async with api_db.transaction(ours) as conn:
        seen_by_us = await conn.scalar(people)
        changed = await conn.execute(update(users).values(name="Changed"))
    async with api_db.transaction(theirs) as conn:
        seen_by_them = await conn.scalar(people)
    async with api_db.transaction() as conn:
        seen_by_nobody = await conn.scalar(people)

    assert (seen_by_us, seen_by_them, seen_by_nobody) == (1, 0, 0)
    assert changed.rowcount == 0


@pytest.mark.parametrize(
    ("table", "setting", "column"),
    [
        (api_keys, "api_key_hash", "key_hash"),
        (sessions, "session_hash", "token_hash"),
        (members, "user", "user_id"),
        (invitations, "verified_address", "normalised_email"),
    ],
    ids=str,
)
async def test_without_a_workspace_one_sees_what_one_can_name(
    api_db: Database, worker_db: Database, table: Table, setting: str, column: str
) -> None:
    """The row whose hash, person or address was brought, and changes not even that."""
    async with worker_db.transaction() as conn:
        for _ in range(2):
            await _inhabited(conn)
        await conn.execute(text("SET LOCAL ROLE none"))
        mine = await conn.scalar(select(table.c[column]).order_by(table.c.id).limit(1))
    brought = mine.hex() if isinstance(mine, bytes) else str(mine)

    async with api_db.transaction() as conn:
        unseen = list(await conn.scalars(select(table.c[column])))
        await conn.execute(
            text(f"SELECT set_config('drumbeat.{setting}', :brought, true)"), {"brought": brought}
        )
        seen = list(await conn.scalars(select(table.c[column])))
        changed = await conn.execute(update(table).values(updated_at=func.now()))

    assert (unseen, seen, changed.rowcount) == ([], [mine], 0)


async def _inhabited(conn: AsyncConnection) -> None:
    """A workspace with a key, a member who is logged in, and an invitation."""
    workspace_id = await make_workspace(conn)
    await make_invitation(conn, workspace_id)
    member_id = await make_member(conn, workspace_id)
    await conn.execute(text("SET LOCAL ROLE none"))
    await create_api_key(conn, workspace_id, name="key")
    user_id = (await conn.execute(select(members.c.user_id).where(members.c.id == member_id))).scalar_one()
    await open_session(conn, workspace_id, user_id)
    await conn.execute(text("SET LOCAL ROLE drumbeat_worker"))


async def test_workers_know_nobody(worker_db: Database) -> None:
    """People, their sessions and invitations are the API's alone."""
    for table in (users, members, sessions, invitations, logins):
        with pytest.raises(ProgrammingError) as refused:
            async with worker_db.transaction() as conn:
                await conn.execute(select(table))
        assert isinstance(refused.value.orig, InsufficientPrivilege)
