"""Pages of long lists by keyset: a page begins after the place of a row, never after a number of rows."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    Row,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    text,
    tuple_,
    type_coerce,
)
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

# A row of a Core statement; its columns are known to the statement, not to the type checker.
AnyRow: TypeAlias = Row[*tuple[Any, ...]]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]
# What a statement answers for one row, in the order of its columns.
Values: TypeAlias = tuple[Any, ...]

# The keys of one row as PostgreSQL writes them.
Place: TypeAlias = tuple[str, ...]


class InvalidPlace(ValueError):
    """The keys are not those of a row in this list."""


@dataclass(frozen=True, slots=True)
class Key:
    """A column that a list is ordered by, never NULL; *check* refuses a text that is none of its values."""

    column: ColumnElement[Any]
    check: Callable[[str], object]
    name: str

    def given(self, name: str) -> ColumnElement[Any]:
        """The value of that *name*, which comes as text."""
        return cast(bindparam(name, type_=Text), self.column.type)


# Any: an instant, or NULL.
def instant_key(column: Column[Any], *, is_there: bool = False) -> Key:
    """
    Rows without the instant come last, unless the list has none (*is_there*): NULL would vanish from a row
    comparison.

    By CASE, as the index has it: PostgreSQL takes COALESCE for leaky, and with row-level security a leaky
    condition is no way into an index, so that page 5,000 would read all pages before it.
    """
    if is_there or not column.nullable:
        return Key(column, _check_instant, str(column))
    placed = case((column.is_(None), text("'infinity'::timestamptz")), else_=column)
    return Key(type_coerce(placed, DateTime(timezone=True)), _check_instant, str(column))


def uuid_key(column: ColumnElement[Any]) -> Key:
    return Key(column, UUID, str(column))


def number_key(column: ColumnElement[Any]) -> Key:
    return Key(column, _check_number, str(column))


def _check_instant(written: str) -> None:
    if written != "infinity":
        if not _INSTANT.fullmatch(written):
            raise ValueError(written)
        datetime.fromisoformat(written)


def _check_number(written: str) -> None:
    if not _NUMBER.fullmatch(written):
        raise ValueError(written)


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
class Found:
    """What a statement answered: the names of its columns, and the values of each row in their order."""

    columns: tuple[str, ...]
    values: Sequence[Values]

    def rows(self) -> Sequence[AnyRow]:
        return IteratorResult(_metadata(self.columns), iter(self.values)).all()


_metadata = cache(SimpleResultMetaData)


@dataclass(frozen=True, slots=True)
class Listed:
    """
    The rows of a list, before they are in order and in pages.

    Lists of one *shape* build the same, but for the *values*, which are named in it.
    """

    build: Callable[[], AnySelect]
    values: Mapping[str, Any]
    shape: Hashable


@dataclass(frozen=True, slots=True)
class Slice:
    """What was found of one page in the list's order, and the place of each row."""

    found: Found
    places: Sequence[Place]
    has_previous: bool
    has_next: bool


def slice_of(found: Found, *, order: Order, page: Page) -> Slice:
    """What the answer to `page_statement` makes, without the row that only tells whether the list goes on."""
    goes_on, keys = len(found.values) > page.limit, len(order.keys)
    shown = found.values[: page.limit]
    if page.from_end:
        shown = shown[::-1]
    return Slice(
        Found(found.columns[:-keys], [values[:-keys] for values in shown]),
        places=[values[-keys:] for values in shown],
        has_previous=goes_on if page.from_end else page.after is not None,
        has_next=page.before is not None if page.from_end else goes_on,
    )


def count_statement(rows: AnySelect) -> AnySelect:
    return select(func.count()).select_from(rows.order_by(None).subquery())


def page_statement(rows: AnySelect, *, order: Order, page: Page) -> AnySelect:
    """
    One page of *rows*, with one row more that tells whether the list goes on, and places as last columns.

    It is the same for all pages of one `shape`; what differs are the `values`.
    """
    columns = [key.column for key in order.keys]
    forward, backward = (">", "<") if not order.is_descending else ("<", ">")
    for name, place, operator in (("after", page.after, forward), ("before", page.before, backward)):
        if place is not None:
            given = tuple_(*(key.given(f"{name}_{n}") for n, key in enumerate(order.keys)))
            rows = rows.where(tuple_(*columns).op(operator, is_comparison=True)(given))
    falls = order.is_descending != page.from_end
    return (
        rows.add_columns(*(cast(column, Text).label(f"key_{n}") for n, column in enumerate(columns)))
        .order_by(*(column.desc() if falls else column.asc() for column in columns))
        # As a number: for one that comes later, PostgreSQL plans as if a tenth of the table were wanted.
        .limit(literal_column(str(page.limit + 1)))
    )


def shape(page: Page, order: Order) -> Hashable:
    """What pages have in common whose statements differ in `values` alone."""
    keys = tuple(key.name for key in order.keys)
    return (
        keys,
        order.is_descending,
        page.limit,
        page.after is not None,
        page.before is not None,
        page.from_end,
    )


def values(page: Page, order: Order) -> Mapping[str, Any]:
    """
    The values in the statement of *page*.

    Raises:
        InvalidPlace: If the place to start from is not one of this list.
    """
    given: dict[str, Any] = {}
    for name, place in (("after", page.after), ("before", page.before)):
        if place is not None:
            _check(place, order)
            given |= {f"{name}_{n}": written for n, written in enumerate(place)}
    return given


def _check(place: Place, order: Order) -> None:
    if len(place) != len(order.keys):
        raise InvalidPlace
    try:
        for key, written in zip(order.keys, place, strict=True):
            key.check(written)
    except ValueError as error:
        raise InvalidPlace from error
