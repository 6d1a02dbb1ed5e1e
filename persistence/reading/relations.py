"""What the rows of a list point to, read in the same statement as the list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement

from persistence.reading.pages import AnyRow, AnySelect, Found

# Between the name of a relation and that of a column: no column's own name has one.
_MARK = "."


@dataclass(frozen=True, slots=True)
class Relation:
    """The *columns* of what `join` joins to each row of a list: one row or none, with an `id`."""

    columns: Sequence[ColumnElement[Any]]
    join: Callable[[AnySelect], AnySelect]


def with_relations(rows: AnySelect, relations: Mapping[str, Relation]) -> AnySelect:
    """*rows* with the columns of all *relations* behind their own."""
    for name, relation in relations.items():
        columns = (column.label(f"{name}{_MARK}{column.name}") for column in relation.columns)
        rows = relation.join(rows.add_columns(*columns))
    return rows


def parts_of(found: Found) -> tuple[Sequence[AnyRow], Mapping[str, Sequence[AnyRow]]]:
    """The rows of the list itself, and by its name the rows of each relation, each row once."""
    own, *others = (
        (name, Found(columns, [values[first:last] for values in found.values]))
        for name, columns, first, last in _parts(found.columns)
    )
    return own[1].rows(), {name: _once(part).rows() for name, part in others}


def _once(part: Found) -> Found:
    key = part.columns.index("id")
    by_id = {values[key]: values for values in part.values}
    by_id.pop(None, None)
    return Found(part.columns, list(by_id.values()))


@cache
def _parts(columns: tuple[str, ...]) -> Sequence[tuple[str, tuple[str, ...], int, int]]:
    """Relation, names of its columns, and where they begin and end; the list itself has no name."""
    parts, first = [], 0
    for relation, names in groupby(columns, key=lambda name: name.rpartition(_MARK)[0]):
        part = tuple(name.rpartition(_MARK)[2] for name in names)
        parts.append((relation, part, first, first + len(part)))
        first += len(part)
    return parts
