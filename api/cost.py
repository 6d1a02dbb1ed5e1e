"""What a request may cost: the objects that it asks for, with each of its pages full."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    get_named_type,
    get_nullable_type,
    get_operation_ast,
    is_list_type,
    value_from_ast_untyped,
)

from api.connections import LARGEST_PAGE, PAGE
from api.limits import QueryTooExpensive
from api.types.delivery_stats import FEW_DAYS, MOST_DAYS

COST = 5_000
# Of lists without pages, such as the steps of a sequence: most are shorter.
LIST = 3
# Arguments that say how long such a list gets: of ids, or a number.
_LENGTHS = ("ids", "days")
# A cost counts no more than this of its fields, whatever they add up to.
_MOST_FIELDS = 5_000

_Fields = GraphQLObjectType | GraphQLInterfaceType


class Cost(NamedTuple):
    """How many *objects*, and the way to the list that has most of them, empty if there is none."""

    objects: int
    dearest: tuple[str, ...] = ()


_NOTHING = Cost(0)


def cost_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Cost:
    """
    How many objects the operation of a valid *document* may be answered with; *variables* are JSON.

    An object counts as often as the pages around it may be long, which variables may say. So this is not
    for the validation, whose result is remembered for a document.

    Raises:
        QueryTooExpensive: It has more fields than can be counted.
    """
    operation = get_operation_ast(document, operation_name)
    root = schema.get_root_type(operation.operation) if operation else None
    if operation is None or root is None:
        return _NOTHING
    return _Cost(schema, document, _given(operation, variables or {})).of(root, [operation.selection_set])


def _given(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with their defaults."""
    defaults = {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value is not None
    }
    return defaults | dict(variables)


class _Cost:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]) -> None:
        self._schema = schema
        self._variables = variables
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        # Of selections that were counted; the same fragment is, wherever it is spread.
        self._known: dict[tuple[object, ...], Cost] = {}
        self._fields = 0

    def of(
        self,
        kind: _Fields,
        selections: Sequence[SelectionSetNode],
        *,
        page: int | None = None,
        span: int | None = None,
    ) -> Cost:
        """Of one object of *kind*; *page* is how many entries a connection has, *span* how many days."""
        key = (kind, page, span, *map(id, selections))
        if key not in self._known:
            found: dict[tuple[str, str], list[FieldNode]] = {}
            # One for all: of a fragment that each of them spreads, the fields are there once.
            spread: set[str] = set()
            for each in selections:
                self._collect(kind, each, found, spread)
            costs = [
                self._of_field(self._schema.type_map[name], fields, page, span)
                for (name, _), fields in found.items()
            ]
            dearest = max(costs, key=lambda cost: cost.objects, default=_NOTHING).dearest
            self._known[key] = Cost(sum(cost.objects for cost in costs), dearest)
        return self._known[key]

    def _collect(
        self,
        kind: _Fields,
        selections: SelectionSetNode,
        found: dict[tuple[str, str], list[FieldNode]],
        spread: set[str],
    ) -> None:
        """As the execution does (GraphQL §6.3.2): one entry for fields that are answered together."""
        for each in selections.selections:
            if isinstance(each, FieldNode):
                name = (each.alias or each.name).value
                found.setdefault((kind.name, name), []).append(each)
                continue
            fragment: Any = each  # an inline fragment, or the one that is spread
            if isinstance(each, FragmentSpreadNode):
                if each.name.value in spread:
                    continue
                spread.add(each.name.value)
                fragment = self._fragments[each.name.value]
            condition = fragment.type_condition
            within: Any = self._schema.type_map[condition.name.value] if condition else kind
            self._collect(within, fragment.selection_set, found, spread)

    def _of_field(self, kind: Any, fields: list[FieldNode], page: int | None, span: int | None) -> Cost:
        self._fields += 1
        if self._fields > _MOST_FIELDS:
            raise QueryTooExpensive("The request asks for too much at once.")
        node = fields[0]
        definition = getattr(kind, "fields", {}).get(node.name.value)
        selected = [each.selection_set for each in fields if each.selection_set is not None]
        # Introspection has a limit of its own.
        if definition is None or not selected:
            return _NOTHING
        answered: Any = get_named_type(definition.type)  # it has fields, as something is selected of it
        if "first" in definition.args:
            inside = self.of(answered, selected, page=self._page(node))
            return Cost(1 + inside.objects, (node.name.value, *inside.dearest))
        days = self._span(node) if "from" in definition.args and "to" in definition.args else None
        inside = self.of(answered, selected, span=days)
        is_list = is_list_type(get_nullable_type(definition.type))
        way = (node.name.value, *inside.dearest) if is_list or inside.dearest else ()
        if page is not None and node.name.value == "edges":
            return Cost(page * inside.objects, way)
        length = span if is_list and span is not None else self._length(node, definition, page)
        return Cost(length * (1 + inside.objects), way)

    def _span(self, node: FieldNode) -> int:
        """How many days lie between `from` and `to`; too many are refused by the field itself."""
        given = {each.name.value: self._value(each) for each in node.arguments or ()}
        try:
            first, last = (date.fromisoformat(given[name]) for name in ("from", "to"))
        except (KeyError, TypeError, ValueError):
            return FEW_DAYS
        return min(max(1, (last - first).days + 1), MOST_DAYS)

    def _page(self, node: FieldNode) -> int:
        """How many entries a page has at most; sizes that are not allowed are refused by the field itself."""
        sizes = [self._value(each) for each in node.arguments or () if each.name.value in ("first", "last")]
        given = [size for size in sizes if size is not None]
        if not given:
            return PAGE
        return max(1, *(min(size, LARGEST_PAGE) if _is_number(size) else LARGEST_PAGE for size in given))

    def _length(self, node: FieldNode, definition: GraphQLField, page: int | None) -> int:
        if not is_list_type(get_nullable_type(definition.type)):
            return 1
        if page is not None:
            return page
        given = {each.name.value: self._value(each) for each in node.arguments or ()}
        for name in _LENGTHS:
            if name in definition.args:
                value = given.get(name, definition.args[name].default_value)
                return max(1, len(value) if isinstance(value, list) else value if _is_number(value) else LIST)
        return LIST

    def _value(self, argument: ArgumentNode) -> Any:
        value = value_from_ast_untyped(argument.value, self._variables)
        return None if value is Undefined else value


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
