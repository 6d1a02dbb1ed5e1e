"""Inputs made from the schema: an ordinary value for every field, so that no mutation is forgotten."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
)

Path = tuple[str, ...]
# Any: JSON. Stands where the schema asks for one of its scalars.
ORDINARY: Mapping[str, Any] = {
    "Boolean": False,
    "Int": 1,
    "Float": 0.5,
    "String": "ordinary",
    "ID": "nobody",
    "DateTime": "2026-03-09T09:00:00Z",
    "Date": "2026-03-09",
    "LocalTime": "09:00",
    "TimeZone": "Europe/Berlin",
    "EmailAddress": "somebody@example.com",
    "JSON": {},
}
Chosen = Callable[[Path, GraphQLInputType], Any]


def example(kind: GraphQLInputType, *, choose: Chosen | None = None, at: Path = ()) -> Any:
    """
    A value of *kind* with every field that has to be given, and every one that holds an id.

    *choose* may give another value for a scalar than the ordinary one, by its path; None leaves it.
    """
    if isinstance(kind, GraphQLNonNull):
        return example(kind.of_type, choose=choose, at=at)
    if isinstance(kind, GraphQLList):
        return [example(kind.of_type, choose=choose, at=(*at, "0"))]
    if isinstance(kind, GraphQLInputObjectType):
        return {
            name: example(field.type, choose=choose, at=(*at, name))
            for name, field in kind.fields.items()
            if isinstance(field.type, GraphQLNonNull) or list(ids_in(field.type))
        }
    chosen = choose(at, kind) if choose else None
    if chosen is not None:
        return chosen
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    assert isinstance(kind, GraphQLScalarType)
    return ORDINARY[kind.name]


def ids_in(kind: GraphQLInputType, at: Path = ()) -> Iterator[Path]:
    """Where in *kind* ids stand: the fields on the way, and 0 for a list."""
    if isinstance(kind, GraphQLNonNull):
        yield from ids_in(kind.of_type, at)
    elif isinstance(kind, GraphQLList):
        yield from ids_in(kind.of_type, (*at, "0"))
    elif isinstance(kind, GraphQLInputObjectType):
        for name, field in kind.fields.items():
            yield from ids_in(field.type, (*at, name))
    elif isinstance(kind, GraphQLScalarType) and kind.name == "ID":
        yield at
