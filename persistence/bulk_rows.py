"""Rows by the ten thousand, past SQLAlchemy's own: plain tuples, read in PostgreSQL's binary form."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import ClauseElement, UpdateBase
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import TypedReturnsRows


async def fetch_tuples(conn: AsyncConnection, query: TypedReturnsRows[Any]) -> list[tuple[Any, ...]]:
    """The rows of *query*, in the transaction of *conn*."""
    async with _carried_out(conn, query) as cursor:
        return await cursor.fetchall()


async def count_written(conn: AsyncConnection, statement: UpdateBase) -> int:
    """Carry out *statement* with its arrays of thousands; how many rows it wrote."""
    async with _carried_out(conn, statement) as cursor:
        return cursor.rowcount


# Any: the rows are whatever is asked for.
@asynccontextmanager
async def _carried_out(
    conn: AsyncConnection, statement: ClauseElement
) -> AsyncIterator[psycopg.AsyncCursor[Any]]:
    compiled = statement.compile(dialect=conn.dialect, compile_kwargs={"render_postcompile": True})
    async with (await driver_of(conn)).cursor(binary=True) as cursor:
        # Prepared, it would be planned for arrays unknown from about the tenth time on: whoever is in none of
        # 50,000 is then looked for among them one by one, and a second becomes minutes.
        await cursor.execute(str(compiled).encode(), compiled.params, prepare=False)
        yield cursor


# Any: the rows are whatever is asked for.
async def driver_of(conn: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    """The connection of psycopg below *conn*."""
    driver = (await conn.get_raw_connection()).driver_connection
    if not isinstance(driver, psycopg.AsyncConnection):
        raise TypeError("the connection is none of psycopg's")
    return driver
