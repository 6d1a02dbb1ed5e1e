"""Selections made from the schema: everything that a field answers, down to a depth."""

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_required_argument,
)


def everything_of(kind: GraphQLNamedType, *, depth: int) -> str:
    """All fields of *kind*, those of what it leads to, and so on; empty for a scalar."""
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    selected = ["__typename", *(_selected(name, field, depth) for name, field in kind.fields.items())]
    return f"{{ {' '.join(selected)} }}"


def _selected(name: str, field: GraphQLField, depth: int) -> str:
    kind = get_named_type(field.type)
    has_fields = isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    if any(is_required_argument(each) for each in field.args.values()) or (has_fields and depth == 1):
        return ""
    return f"{name} {everything_of(kind, depth=depth - 1)}"
