"""Sets as parameters: an array is one parameter however long it is, a VALUES list ends at 65,535."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, TableValuedAlias, any_, column, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine


# Any: a column's and an array's element types are known to PostgreSQL, not to mypy.
def among(of: ColumnElement[Any], values: Iterable[object]) -> ColumnElement[bool]:
    """Whether *of* is one of *values*."""
    return of == any_(literal(list(values), ARRAY(of.type)))


def unnested(
    types: Mapping[str, TypeEngine[Any]], arrays: Mapping[str, Sequence[object]]
) -> TableValuedAlias:
    """*arrays*, all of one length, as a set of rows with one column each and an ``ordinal`` from 1."""
    return (
        func.unnest(*(literal(list(arrays[name]), ARRAY(of_type)) for name, of_type in types.items()))
        .table_valued(*(column(name, of_type) for name, of_type in types.items()), with_ordinality="ordinal")
        .render_derived(name="given")
    )
