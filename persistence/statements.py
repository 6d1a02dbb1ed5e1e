"""Statements of the busiest paths: compiled once, prepared in each connection, run by the driver itself."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Dialect, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ClauseElement, TextClause

_DIALECT: Dialect = make_url("postgresql+psycopg://").get_dialect()()


class Statement:
    """
    A statement that groups of emails cost, every few milliseconds.

    SQLAlchemy takes half a millisecond to build one, find it in its cache and wrap its rows. What it knows of
    the tables is used once here, when the module is imported.
    """

    def __init__(self, clause: ClauseElement) -> None:
        # Lists of constants, like the statuses that a move starts from, are written out.
        options = {} if isinstance(clause, TextClause) else {"render_postcompile": True}
        compiled = clause.compile(dialect=_DIALECT, compile_kwargs=options)
        self._query = str(compiled).encode()
        # What a caller forgets is missing, and not NULL; a constant NULL is written `null()`.
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}

    # Any: rows are whatever it asks for.
    async def rows(self, conn: AsyncConnection, **parameters: object) -> list[Any]:
        """
        Run it in the transaction of *conn*; named tuples.

        Raises:
            DBAPIError: Of SQLAlchemy, as for any other statement.
        """
        try:
            async with _driver_of(conn).cursor(binary=True, row_factory=namedtuple_row) as cursor:
                await self._execute(cursor, parameters)
                return await cursor.fetchall()
        except psycopg.Error as error:
            raise _told_by_sqlalchemy(self._query, error) from error

    async def run(self, conn: AsyncConnection, **parameters: object) -> None:
        """Like :meth:`rows`, for a statement that returns nothing, or nothing of interest."""
        try:
            async with _driver_of(conn).cursor() as cursor:
                await self._execute(cursor, parameters)
        except psycopg.Error as error:
            raise _told_by_sqlalchemy(self._query, error) from error

    async def _execute(self, cursor: psycopg.AsyncCursor[Any], parameters: Mapping[str, object]) -> None:
        await cursor.execute(self._query, {**self._fixed, **parameters}, prepare=True)


# Any: see the type of psycopg's connection.
def _driver_of(conn: AsyncConnection) -> "psycopg.AsyncConnection[Any]":
    sync = conn.sync_connection
    driver = None if sync is None else sync.connection.driver_connection
    if not isinstance(driver, psycopg.AsyncConnection):
        raise TypeError("the connection is none of psycopg's")
    return driver


def _told_by_sqlalchemy(query: bytes, error: psycopg.Error) -> BaseException:
    """Its own exception for *error*, which is what callers know."""
    return DBAPIError.instance(
        query.decode(),
        None,
        error,
        psycopg.Error,
        hide_parameters=True,
        connection_invalidated=False,
        dialect=_DIALECT,
    )
