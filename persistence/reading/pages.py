"""Pages of long lists by keyset: a page begins after the place of a row, never after a number of rows."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Row,
    Select,
    Text,
    Uuid,
    cast,
    func,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

# A row of a Core statement; its columns are known to the statement, not to the type checker.
AnyRow: TypeAlias = Row[*tuple[Any, ...]]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]
# The keys of one row as PostgreSQL writes them.
Place: TypeAlias = tuple[str, ...]


class InvalidPlace(ValueError):
    """The keys are not those of a row in this list."""


@dataclass(frozen=True, slots=True)
class Key:
    """A column that a list is ordered by, never NULL, and how its value is read back from a place."""

    column: ColumnElement[Any]
    read: Callable[[str], ColumnElement[Any]]


def instant_key(column: ColumnElement[Any]) -> Key:
    """Rows without the instant come last: NULL would vanish from a row comparison."""
    return Key(func.coalesce(column, text("'infinity'")), _read_instant)


def uuid_key(column: ColumnElement[Any]) -> Key:
    return Key(column, lambda written: literal(UUID(written), Uuid))


def number_key(column: ColumnElement[Any]) -> Key:
    return Key(column, _read_number)


def _read_instant(written: str) -> ColumnElement[Any]:
    if written != "infinity":
        if not _INSTANT.fullmatch(written):
            raise ValueError(written)
        datetime.fromisoformat(written)
    return cast(literal(written, Text), DateTime(timezone=True))


def _read_number(written: str) -> ColumnElement[Any]:
    if not _NUMBER.fullmatch(written):
        raise ValueError(written)
    return literal(int(written), BigInteger)


# As PostgreSQL writes them in a session in UTC; 18 digits always fit into a bigint.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Order:
    """All *keys* in the same direction; together they are unique."""

    keys: tuple[Key, ...]
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """At most *limit* rows after or before a place; *from_end* takes those nearest to the end."""

    limit: int
    after: Place | None = None
    before: Place | None = None
    from_end: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of one page in the list's order, each with its place."""

    rows: Sequence[AnyRow]
    places: Sequence[Place]
    has_previous: bool
    has_next: bool


async def read_page(conn: AsyncConnection, rows: AnySelect, *, order: Order, page: Page) -> Slice:
    """
    Read one page of *rows*.

    Raises:
        InvalidPlace: If the place to start from is not one of this list.
    """
    found = list(await conn.execute(_page_statement(rows, order, page)))
    goes_on = len(found) > page.limit
    found = found[: page.limit]
    if page.from_end:
        found.reverse()
    return Slice(
        rows=found,
        places=[tuple(row[-len(order.keys) :]) for row in found],
        has_previous=goes_on if page.from_end else page.after is not None,
        has_next=page.before is not None if page.from_end else goes_on,
    )


async def count(conn: AsyncConnection, rows: AnySelect) -> int:
    counted = select(func.count()).select_from(rows.order_by(None).subquery())
    return (await conn.execute(counted)).scalar_one()


def _page_statement(rows: AnySelect, order: Order, page: Page) -> AnySelect:
    columns = [key.column for key in order.keys]
    forward, backward = (">", "<") if not order.is_descending else ("<", ">")
    for place, operator in ((page.after, forward), (page.before, backward)):
        if place is not None:
            rows = rows.where(tuple_(*columns).op(operator, is_comparison=True)(_read(place, order)))
    falls = order.is_descending != page.from_end
    return (
        rows.add_columns(*(cast(column, Text).label(f"key_{n}") for n, column in enumerate(columns)))
        .order_by(*(column.desc() if falls else column.asc() for column in columns))
        .limit(page.limit + 1)
    )


def _read(place: Place, order: Order) -> ColumnElement[Any]:
    if len(place) != len(order.keys):
        raise InvalidPlace
    try:
        return tuple_(*(key.read(written) for key, written in zip(order.keys, place, strict=True)))
    except ValueError as error:
        raise InvalidPlace from error
