"""Null where a change may be left out, and may not be null."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    get_named_type,
    get_operation_ast,
    type_from_ast,
)
from strawberry.extensions import SchemaExtension
from strawberry.types.base import StrawberryMaybe, StrawberryOptional
from typing_extensions import override

from api.input_mistakes import NULL_CHANGE, Place, mistake_at


def say_what_null_does(schema: GraphQLSchema) -> None:
    """Add it to the descriptions of what may be left out, as the types do not tell."""
    for kind in schema.type_map.values():
        for field in kind.fields.values() if isinstance(kind, GraphQLInputObjectType) else ():
            said = (field.description or "").rstrip(".")
            if _stays_without_null(field):
                field.description = f"{said}. It can't be null."
            elif _may_be_left_out(field) and "null" not in said:
                field.description = f"{said}. Null empties it."


class NoNulls(SchemaExtension):
    """
    Refuse nulls in the variables of a mutation where none can be, all of them at once.

    Those that are written in the document are found by a rule of its validation. Without this, Strawberry
    would stop at the first when it calls the mutation, and speak of Python.
    """

    @override
    def on_validate(self) -> Iterator[None]:
        asked = self.execution_context
        if asked.graphql_document is not None and not asked.pre_execution_errors:
            operation = get_operation_ast(asked.graphql_document, asked.operation_name)
            if operation is not None and operation.operation is OperationType.MUTATION:
                found = list(_nulls(asked.schema._schema, operation, asked.variables or {}))
                asked.pre_execution_errors = found or asked.pre_execution_errors
        yield


# Any: JSON.
def _nulls(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Iterator[GraphQLError]:
    """Such fields are on the first level of what a mutation is given: as one variable, or as one each."""
    for each in operation.variable_definitions or ():
        name = each.variable.name.value
        given, kind = variables.get(name), get_named_type(type_from_ast(schema, each.type))
        if isinstance(given, dict):
            for field in _without_null(kind):
                if field in given and given[field] is None:
                    yield mistake_at(Place("variable", name, (field,)), NULL_CHANGE, each)
    for place, name in _written_apart(schema, operation):
        if name in variables and variables[name] is None:
            yield GraphQLError(NULL_CHANGE, place)


def _written_apart(
    schema: GraphQLSchema, operation: OperationDefinitionNode
) -> Iterator[tuple[ObjectFieldNode, str]]:
    """Those that the document writes as `field: $variable`, with the variables."""
    known = schema.mutation_type.fields if schema.mutation_type else {}
    for mutation in operation.selection_set.selections:
        if not isinstance(mutation, FieldNode):
            continue
        for argument in mutation.arguments or ():
            if isinstance(argument.value, ObjectValueNode):
                kind = get_named_type(known[mutation.name.value].args[argument.name.value].type)
                for field in argument.value.fields:
                    if isinstance(field.value, VariableNode) and field.name.value in _without_null(kind):
                        yield field, field.value.name.value


@cache
def _without_null(kind: GraphQLNamedType | None) -> tuple[str, ...]:
    fields = kind.fields.items() if isinstance(kind, GraphQLInputObjectType) else ()
    return tuple(name for name, field in fields if _stays_without_null(field))


def _stays_without_null(field: GraphQLInputField) -> bool:
    declared = field.extensions["strawberry-definition"].type
    return isinstance(declared, StrawberryMaybe) and not isinstance(declared.of_type, StrawberryOptional)


def _may_be_left_out(field: GraphQLInputField) -> bool:
    return isinstance(field.extensions["strawberry-definition"].type, StrawberryMaybe)
