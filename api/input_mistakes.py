"""Mistakes in what fields are given: in which variable or argument, where in it, and what may stand there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, Self

from graphql import (
    ArgumentNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLSchema,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    ValueNode,
    VariableDefinitionNode,
    Visitor,
    parse,
    visit,
)

from api.errors import ErrorCode

# As graphql-core says where: with `.field` and `[3]`, of which only the types decide the names.
_VARIABLE = re.compile(r"Variable '\$(\w+)' has invalid (?:default )?value(?: at ((?:\.\w+|\[\d+\])+))?: ")
_ARGUMENT = re.compile(r"Argument '(\w+)' has invalid value(?: at (?:\.\w+|\[\d+\])+)?: ")
_STEP = re.compile(r"\w+")

_MISSING_FIELD = re.compile(r"Expected value of type '\w+' to include required field '(\w+)'")
_UNKNOWN_FIELD = re.compile(r"Expected value of type '\w+' not to include unknown field '(\w+)'")
_NOT_GIVEN = re.compile(
    r"Expected a value of non-null type '(\S+)' to be provided|"
    r"Expected variable '\$\w+' provided to type '(\S+)' to provide a runtime value"
)
_NULL = re.compile(r"Expected (?:value of|variable '\$\w+' provided to) non-null type '(\S+)' not to be None")
_NULL_CHANGE = re.compile(r"'Maybe\[.* cannot be explicitly set to null")
NULL_CHANGE = "It can't be null: leave it out to keep what it is."
_NO_VALUE = re.compile(r"Value '.*' does not exist in '(\w+)' enum|Enum '(\w+)' cannot represent ")


@dataclass(frozen=True, slots=True)
class Place:
    """
    A place in what is given: in the variable or the argument *name*.

    *path* has fields and positions in lists, as the `path` of a `UserError`.
    """

    kind: Literal["variable", "argument"]
    name: str
    path: tuple[str, ...] = ()

    def at(self, step: str) -> Self:
        return replace(self, path=(*self.path, step))

    @property
    def extensions(self) -> dict[str, Any]:
        return {self.kind: self.name, "path": list(self.path)}

    def says(self, message: str) -> str:
        name = f"${self.name}" if self.kind == "variable" else self.name
        return f"{'.'.join((name, *self.path))}: {message}"


def mistake_at(place: Place, message: str, node: Node) -> GraphQLError:
    code = {"code": str(ErrorCode.BAD_USER_INPUT)}
    return GraphQLError(place.says(message), node, extensions=code | place.extensions)


def place_of(error: GraphQLError) -> Place | None:
    """Where *error* is, if it is in what a field is given."""
    argument = _ARGUMENT.match(error.message)
    if error.path is not None and argument is None:
        return None
    if found := _VARIABLE.match(error.message):
        place: Place | None = Place("variable", found[1], tuple(_STEP.findall(found[2] or "")))
    else:
        place = _place_in_document(error.nodes or ())
    named = _MISSING_FIELD.search(error.message) or _UNKNOWN_FIELD.search(error.message)
    # In a document the place of an unknown field is that field already.
    is_there = bool(error.nodes and isinstance(error.nodes[0], ObjectFieldNode))
    return place.at(named[1]) if place and named and not is_there else place


def in_words(said: str, schema: GraphQLSchema) -> str:
    """What graphql-core *said* about a value, for people who do not write Python."""
    said = _ARGUMENT.sub("", said)
    if _MISSING_FIELD.match(said):
        return "It must be given."
    if missing := _NOT_GIVEN.match(said):
        return f"It must be given ({missing[1] or missing[2]})."
    if null := _NULL.match(said):
        return f"It can't be null ({null[1]}): give a value, or leave it out where it has a default."
    if _NULL_CHANGE.search(said):
        return NULL_CHANGE
    if (no_value := _NO_VALUE.match(said)) and (name := no_value[1] or no_value[2]):
        kind = schema.type_map.get(name)
        if isinstance(kind, GraphQLEnumType):
            return f"It is one of {', '.join(kind.values)}."
    return said


def _place_in_document(nodes: Sequence[Node]) -> Place | None:
    at = nodes[0] if nodes else None
    if not isinstance(at, ValueNode | ObjectFieldNode) or at.loc is None:
        return None
    return _places(at.loc.source.body).get((at.loc.start, at.loc.end))


# A document with a hundred mistakes is read once for all of them.
@lru_cache(maxsize=8)
def _places(document: str) -> Mapping[tuple[int, int], Place]:
    """The places of all values that stand in *document*, by where they begin and end."""
    reader = _Places()
    visit(parse(document), reader)
    return reader.found


class _Places(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[tuple[int, int], Place] = {}

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        self._note(node.value, Place("argument", node.name.value))

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> None:
        if node.default_value is not None:
            self._note(node.default_value, Place("variable", node.variable.name.value))

    def _note(self, node: Node, place: Place) -> None:
        if node.loc is not None:
            self.found[node.loc.start, node.loc.end] = place
        if isinstance(node, ObjectValueNode):
            for field in node.fields:
                self._note(field, place.at(field.name.value))
        elif isinstance(node, ObjectFieldNode):
            self._note(node.value, place)
        elif isinstance(node, ListValueNode):
            for position, entry in enumerate(node.values):
                self._note(entry, place.at(str(position)))
