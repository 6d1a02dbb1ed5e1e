"""Sets as parameters: an array is one parameter however long it is, a VALUES list ends at 65,535."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Function, TableValuedAlias, any_, bindparam, column, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine


# Any: a column's and an array's element types are known to PostgreSQL, not to mypy.
def among(of: ColumnElement[Any], values: Iterable[object]) -> ColumnElement[bool]:
    """Whether *of* is one of *values*."""
    return of == any_(literal(list(values), ARRAY(of.type)))


def given(types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """
    Rows that come as one parameter for each column, an array of its values under the plural of its name.

    For a `Statement`, which is made before they are known; they are as in `unnested`.
    """
    arrays = (bindparam(f"{name}s", None, ARRAY(of_type)) for name, of_type in types.items())
    return _rows(func.unnest(*arrays), types)


def unnested(
    types: Mapping[str, TypeEngine[Any]], arrays: Mapping[str, Sequence[object]]
) -> TableValuedAlias:
    """*arrays*, all of one length, as a set of rows with one column each and an ``ordinal`` from 1."""
    literals = (literal(list(arrays[name]), ARRAY(of_type)) for name, of_type in types.items())
    return _rows(func.unnest(*literals), types)


def _rows(unnest: Function[Any], types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    columns = (column(name, of_type) for name, of_type in types.items())
    return unnest.table_valued(*columns, with_ordinality="ordinal").render_derived(name="given")
