"""Fields that need nothing but their object, and what is known of the request: no arguments, no waiting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, cast

from graphql import GraphQLField, GraphQLObjectType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField


@dataclass(frozen=True, slots=True)
class PlainField:
    """
    A field that is an attribute of its object, or a method that takes *self*, and *info* perhaps.

    *read* takes the object, or the object and an `Info` if the field *wants_info*.
    """

    name: str
    definition: GraphQLField
    declared: StrawberryField
    read: Callable[..., Any]
    wants_info: bool


@cache
def plain_fields(parent_type: GraphQLObjectType) -> Mapping[str, PlainField]:
    """The plain fields of a type, by name."""
    found = {}
    for name, definition in parent_type.fields.items():
        declared = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if isinstance(declared, StrawberryField) and not definition.args and _is_plain(declared):
            found[name] = _plain(name, definition, declared)
    return found


def _is_plain(declared: StrawberryField) -> bool:
    if declared.is_basic_field:
        return True
    resolver = declared.base_resolver
    if resolver is None or declared.is_async or declared.extensions or resolver.self_parameter is None:
        return False
    return resolver.info_parameter is None or resolver.info_parameter.name == "info"


def _plain(name: str, definition: GraphQLField, declared: StrawberryField) -> PlainField:
    resolver = declared.base_resolver
    if resolver is None:
        return PlainField(name, definition, declared, attrgetter(declared.python_name), wants_info=False)
    # Strawberry's type allows class methods, which a field of an object is not.
    method = cast("Callable[..., Any]", resolver.wrapped_func)
    return PlainField(name, definition, declared, method, wants_info=resolver.info_parameter is not None)
