"""Execution: graphql-core's own, with a straight way for what is there at once."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from graphql import GraphQLLeafType, GraphQLObjectType, GraphQLOutputType, Undefined
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from graphql.type import GraphQLList, get_nullable_type, is_leaf_type, is_non_null_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.info import Info
from typing_extensions import override

from api.plain_fields import PlainField, plain_fields

# Any: objects and values are of whatever type a field has.
_Answer: TypeAlias = dict[str, Any]
_Read: TypeAlias = Callable[[Any], Any]
_Write: TypeAlias = Callable[[Any], Any]


class NotStraight(Exception):
    """The value needs the long way: it is to be awaited, or is a null where none may be."""


@dataclass(frozen=True, slots=True)
class _Selection:
    """Fields of one object: those that are written straight, in their places among all, and the *rest*."""

    straight: Mapping[str, tuple[_Read, _Write] | None]
    rest: GroupedFieldSet

    def answer(self, source: Any) -> _Answer:
        """What is straight; Undefined keeps the place of the rest. Raises whatever is not in order."""
        return {
            name: Undefined if field is None else field[1](field[0](source))
            for name, field in self.straight.items()
        }


class Executor(StrawberryGraphQLCoreExecutionContext):
    """
    Values that are attributes, or come from methods that need no arguments, are read and written straight.

    A page of 20 emails has 80 objects and two hundred scalars. For each, graphql-core makes a record of the
    state, looks for arguments, asks what kind of type it has, and notes where it is. Reading has no effects,
    so what is not in order on the straight way is begun anew on the long one, which knows about errors.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # With the fields themselves, so that nothing else gets their identity meanwhile.
        self._selections: dict[tuple[str, int], tuple[GroupedFieldSet, _Selection]] = {}

    @override
    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Awaitable[_Answer] | _Answer:
        selection = self._selection(parent_type, grouped_field_set)
        try:
            answer = selection.answer(source_value)
        except Exception:
            return super().execute_fields(
                parent_type, source_value, path, grouped_field_set, position_context
            )
        if not selection.rest:
            return answer
        others = super().execute_fields(parent_type, source_value, path, selection.rest, position_context)
        return _completed(answer, others) if not isinstance(others, dict) else _merged(answer, others)

    def _selection(self, parent_type: GraphQLObjectType, fields: GroupedFieldSet) -> _Selection:
        key = (parent_type.name, id(fields))
        known = self._selections.get(key)
        if known is None:
            known = self._selections[key] = (fields, self._select(parent_type, fields))
        return known[1]

    def _select(self, parent_type: GraphQLObjectType, fields: GroupedFieldSet) -> _Selection:
        plain = plain_fields(parent_type)
        straight: dict[str, tuple[_Read, _Write] | None] = {}
        rest: GroupedFieldSet = {}
        for name, details in fields.items():
            field = plain.get(details[0].node.name.value)
            write = None if field is None else self._writer(field.definition.type, details)
            if field is None or write is None:
                straight[name], rest[name] = None, details
            else:
                straight[name] = (self._reader(field, parent_type, details), write)
        return _Selection(straight, rest)

    def _reader(self, field: PlainField, parent_type: GraphQLObjectType, details: FieldDetailsList) -> _Read:
        read = field.read
        if not field.wants_info:
            return read
        # The same for all objects, so it does not know which of them it is about.
        path = Path(None, field.name, parent_type.name)
        nodes = [each.node for each in details]
        known = self.build_resolve_info(field.definition, nodes, parent_type, path)
        info = Info(_raw_info=known, _field=field.declared)
        return lambda source: read(source, info)

    def _writer(self, kind: GraphQLOutputType, details: FieldDetailsList) -> _Write | None:
        """What writes values of *kind*; None if something below is not straight."""
        null, present = _null_for(kind), get_nullable_type(kind)
        if is_leaf_type(present):
            return _leaf(present, null)
        if isinstance(present, GraphQLList):
            write = self._writer(present.of_type, details)
            return write and _each(write, null)
        if isinstance(present, GraphQLObjectType):
            fields = self.collect_subfields(present, details).grouped_field_set
            selection = self._selection(present, fields)
            return None if selection.rest else _object(selection, null)
        return None


def _null_for(kind: GraphQLOutputType) -> Callable[[], None]:
    return _refuse_null if is_non_null_type(kind) else _write_null


def _refuse_null() -> None:
    raise NotStraight


def _write_null() -> None:
    return None


@cache
def _leaf(kind: GraphQLLeafType, null: Callable[[], None]) -> _Write:
    coerce, ready = kind.coerce_output_value, _READY.get(kind.name)

    def write(value: Any) -> Any:
        if value is None:
            return null()
        if value.__class__ is ready:
            return value
        # Text can be made of anything, of what is still to come too.
        if hasattr(value, "__await__"):
            raise NotStraight
        written = coerce(value)
        return null() if written is None else written

    return write


# What is written as it is. Not Int, which has a range.
_READY = {"String": str, "ID": str, "Boolean": bool}


def _each(write: _Write, null: Callable[[], None]) -> _Write:
    return lambda values: null() if values is None else [write(value) for value in values]


def _object(selection: _Selection, null: Callable[[], None]) -> _Write:
    return lambda source: null() if source is None else selection.answer(source)


async def _completed(answer: _Answer, others: Awaitable[_Answer]) -> _Answer:
    return _merged(answer, await others)


def _merged(answer: _Answer, others: _Answer) -> _Answer:
    return {name: value for name, value in (answer | others).items() if value is not Undefined}
