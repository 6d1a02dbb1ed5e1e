"""The roles of connections: none that row-level security would not bind is worked with."""

from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from persistence.database import Database, Role, UnsafeRole, libpq_url, open_database, sqlalchemy_url


@pytest.mark.parametrize("role", [Role.API, Role.WORKER])
async def test_neither_role_owns_anything(database_url: str, role: Role) -> None:
    """Owners are bound by row-level security only where it is forced, and may switch it off."""
    owned = text("SELECT relname FROM pg_class WHERE relowner = CAST(current_user AS regrole)")
    database = open_database(database_url, role)

    async with database.transaction() as conn:
        found = list(await conn.scalars(owned))
    await database.aclose()

    assert found == []


async def test_a_plain_role_is_safe(api_db: Database, worker_db: Database) -> None:
    """The roles of the migrations pass, although the login behind them is a superuser here."""
    await api_db.check_role()
    await worker_db.check_role()


@pytest.mark.parametrize(
    ("effective", "because"),
    [("none", "it is a superuser"), ("drumbeat_worker", "the role of the connection was not taken over")],
)
async def test_another_role_than_the_wanted_one_is_refused(
    database_url: str, effective: str, because: str
) -> None:
    """A pooler that drops the role from the connection must not go unnoticed."""
    refused = await refusal(database_url, effective)

    assert (refused.wanted, refused.because) == (Role.API, because)


async def test_a_role_that_bypasses_row_level_security_is_refused(database_url: str) -> None:
    """A policy that does not bind would let every test of isolation pass in vain."""
    role = f"drumbeat_test_{uuid4().hex[:8]}"

    with psycopg.connect(libpq_url(database_url), autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE ROLE {} BYPASSRLS").format(sql.Identifier(role)))
        refused = await refusal(database_url, role)
        conn.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))

    assert (refused.effective, refused.because) == (role, "it has BYPASSRLS")


async def refusal(database_url: str, effective: str) -> UnsafeRole:
    """Why a connection that should be the API's, and has the role *effective*, is refused."""
    options = {"options": f"-c role={effective}"}
    engine = create_async_engine(sqlalchemy_url(database_url), connect_args=options)
    with pytest.raises(UnsafeRole) as refused:
        await Database(engine, Role.API).check_role()
    await engine.dispose()
    return refused.value
