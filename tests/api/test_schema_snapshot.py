"""The schema as clients know it."""

from collections.abc import Iterator
from pathlib import Path

import graphql
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType

from api.schema import print_sdl
from tests.api.published import SCHEMA

COMMITTED = Path(__file__).parents[2] / "schema.graphql"


def test_the_committed_schema_is_the_one_in_force() -> None:
    """When it changes on purpose: `drumbeat schema > schema.graphql`, and say so in the changelog."""
    assert COMMITTED.read_text() == print_sdl()


def test_everything_is_described() -> None:
    """Every type, field, argument, input field and enum value, so that tools can explain them."""

    assert list(_undescribed(SCHEMA)) == []


def test_no_field_gives_a_secret_away() -> None:
    """What is encrypted or hashed at rest is not in the schema's answers."""

    answered = {
        name
        for kind in SCHEMA.type_map.values()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not kind.name.startswith("__")
        for name in kind.fields
    }

    assert {name for name in answered if "password" in name.lower() or "hash" in name.lower()} == set()


def _undescribed(schema: graphql.GraphQLSchema) -> Iterator[str]:
    for kind in SCHEMA.type_map.values():
        if kind.name.startswith("__") or graphql.is_specified_scalar_type(kind):
            continue
        if not kind.description:
            yield kind.name
        yield from _undescribed_members(kind)


def _undescribed_members(kind: graphql.GraphQLNamedType) -> Iterator[str]:
    members: dict[str, str | None] = {}
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        members |= {name: field.description for name, field in kind.fields.items()}
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        members |= {
            f"{name}({argument})": given.description
            for name, field in kind.fields.items()
            for argument, given in field.args.items()
        }
    if isinstance(kind, GraphQLEnumType):
        members |= {name: value.description for name, value in kind.values.items()}
    yield from (f"{kind.name}.{name}" for name, description in members.items() if not description)
