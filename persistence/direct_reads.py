"""Reading in one round trip: statements of SQLAlchemy, compiled once and carried out by the driver itself."""

from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, cast
from uuid import UUID

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.sql.cache_key import CacheKey
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import LRUCache, greenlet_spawn

from persistence.database import ENTER, Database
from persistence.reading.pages import AnySelect, Found, Values

_Connection: TypeAlias = psycopg.AsyncConnection[Values]

# SQLAlchemy's dialects are not typed.
_DIALECT = PGDialectAsync_psycopg()  # type: ignore[no-untyped-call]
_STATEMENTS = 500


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as the driver takes it, and the names of what it finds."""

    compiled: SQLCompiler
    columns: tuple[str, ...]

    def given(self, values: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """The text and all its values; a set after `IN` is written out, so an array is better."""
        if self.compiled.post_compile_params:
            expanded = self.compiled.construct_expanded_state(values)
            return expanded.statement, expanded.parameters
        return self.compiled.string, self.compiled.construct_params(values)


_known: LRUCache[Hashable, Prepared] = LRUCache(_STATEMENTS)


def prepared(shape: Hashable, build: Callable[[], AnySelect]) -> Prepared:
    """What *build* makes, once for each *shape*: statements of one shape differ in named values alone."""
    found = _known.get(shape)
    if found is None:
        found = _known[shape] = _prepare(build())
    return found


def prepared_like(statement: AnySelect) -> tuple[Prepared, Mapping[str, Any]]:
    """*statement*, as it was prepared when one like it came first, and the values that stand in it."""
    key = statement._generate_cache_key()
    if key is None:
        raise TypeError("a statement that cannot be told from others")
    found = _known.get(key.key)
    if found is None:
        found = _known[key.key] = _prepare(statement, key)
    return found, found.compiled.construct_params(extracted_parameters=key.bindparams, _check=False)


def _prepare(statement: AnySelect, key: CacheKey | None = None) -> Prepared:
    compiled = statement.compile(dialect=_DIALECT, cache_key=key)
    return Prepared(compiled, tuple(statement.selected_columns.keys()))


async def read(
    database: Database, workspace_id: UUID, statement: Prepared, values: Mapping[str, Any]
) -> Found:
    """
    What *statement* finds, in a transaction of its own that sees *workspace_id* alone.

    Raises:
        psycopg.Error: As the driver says it.
    """
    return await read_after(database, ENTER, str(workspace_id), statement, values)


async def read_after(
    database: Database, entering: str, who: str, statement: Prepared, values: Mapping[str, Any]
) -> Found:
    """
    What *statement* finds once the transaction knows *who* asks.

    Both are sent at once and waited for once; between two synchronisations of a pipeline PostgreSQL makes
    them one transaction by itself. Step by step, and through SQLAlchemy's execution, a page takes three
    times the CPU that the driver takes for it.
    """
    text, given = statement.given(values)
    async with database.turns, _connection(database) as conn, conn.pipeline():
        await conn.execute(entering, [who])
        cursor = conn.cursor(binary=True)
        await cursor.execute(text, given)
        return Found(statement.columns, await cursor.fetchall())


@asynccontextmanager
async def _connection(database: Database) -> AsyncIterator[_Connection]:
    """One of the pool, which gets it back whole or not at all; it begins no transaction by itself."""
    pooled = await database.engine.raw_connection()
    try:
        # SQLAlchemy declares the connection of whatever driver it has as object.
        conn = cast("_Connection", pooled.driver_connection)
        await conn.set_autocommit(True)
        yield conn
        await conn.set_autocommit(False)
    except BaseException:
        pooled.invalidate()
        raise
    finally:
        await greenlet_spawn(pooled.close)
