"""Rows by the ten thousand, past SQLAlchemy's own: plain tuples, read in PostgreSQL's binary form."""

from typing import Any

import psycopg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import TypedReturnsRows


async def fetch_tuples(conn: AsyncConnection, query: TypedReturnsRows[Any]) -> list[tuple[Any, ...]]:
    """The rows of *query*, in the transaction of *conn*."""
    compiled = query.compile(dialect=conn.dialect, compile_kwargs={"render_postcompile": True})
    async with (await driver_of(conn)).cursor(binary=True) as cursor:
        await cursor.execute(str(compiled).encode(), compiled.params)
        return await cursor.fetchall()


# Any: the rows are whatever is asked for.
async def driver_of(conn: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    """The connection of psycopg below *conn*."""
    driver = (await conn.get_raw_connection()).driver_connection
    if not isinstance(driver, psycopg.AsyncConnection):
        raise TypeError("the connection is none of psycopg's")
    return driver
