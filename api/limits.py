"""How much one request may ask for: fields inside fields, aliases, directives, tokens and bytes."""

from collections.abc import Callable, Iterator
from typing import Any

from graphql import (
    ASTValidationRule,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValidationContext,
)

from api.errors import ErrorCode, Refused

DEPTH = 12
ALIASES = 30
DIRECTIVES = 30
TOKENS = 2_000
BODY_BYTES = 256 * 1024


class QueryTooExpensive(Refused):
    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.QUERY_TOO_EXPENSIVE, message)


class LimitsRule(ASTValidationRule):
    """
    Refuse a document that is too deep, or has too many aliases or directives, over all its operations.

    Raised and not reported, which ends the validation before any other rule has looked at the document.

    Strawberry's own limiters walk a fragment again for each of its spreads, which takes 2^n steps for n
    fragments that each spread the next one twice; here each is measured once. They also make a new rule
    for every request, which empties the validation cache.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        measure = _Measure(context)
        operations = [
            definition
            for definition in context.document.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]
        if max((measure.depth(each.selection_set) for each in operations), default=0) > DEPTH:
            raise QueryTooExpensive(f"A request may nest fields at most {DEPTH} deep.")
        if sum(measure.aliases(each.selection_set) for each in operations) > ALIASES:
            raise QueryTooExpensive(f"A request may have at most {ALIASES} aliases.")
        if sum(map(_directives, context.document.definitions)) > DIRECTIVES:
            raise QueryTooExpensive(f"A request may have at most {DIRECTIVES} directives.")


class _Measure:
    """Depth and aliases of selections; fragments are remembered, and one inside itself counts once."""

    def __init__(self, context: ValidationContext) -> None:
        self._fragment = context.get_fragment
        self._depths: dict[str, int] = {}
        self._aliases: dict[str, int] = {}

    def depth(self, selections: SelectionSetNode | None) -> int:
        """Levels of fields; introspection is not counted, its own rule limits that."""
        return max((self._depth_of(each) for each in _selected(selections)), default=0)

    def aliases(self, selections: SelectionSetNode | None) -> int:
        return sum(self._aliases_of(each) for each in _selected(selections))

    def _depth_of(self, selection: SelectionNode) -> int:
        if isinstance(selection, FragmentSpreadNode):
            return self._of_fragment(selection, self._depths, self.depth)
        if isinstance(selection, FieldNode):
            if selection.name.value.startswith("__"):
                return 0
            return 1 + self.depth(selection.selection_set)
        return self.depth(_selection_set(selection))

    def _aliases_of(self, selection: SelectionNode) -> int:
        if isinstance(selection, FragmentSpreadNode):
            return self._of_fragment(selection, self._aliases, self.aliases)
        has_alias = isinstance(selection, FieldNode) and selection.alias is not None
        return has_alias + self.aliases(_selection_set(selection))

    def _of_fragment(
        self,
        spread: FragmentSpreadNode,
        known: dict[str, int],
        measure: Callable[[SelectionSetNode | None], int],
    ) -> int:
        name = spread.name.value
        if name not in known:
            known[name] = 0
            fragment: FragmentDefinitionNode | None = self._fragment(name)
            known[name] = measure(fragment.selection_set) if fragment else 0
        return known[name]


def _selected(selections: SelectionSetNode | None) -> Iterator[SelectionNode]:
    return iter(selections.selections if selections else ())


def _selection_set(selection: Node) -> SelectionSetNode | None:
    found: Any = getattr(selection, "selection_set", None)  # all but spreads have one
    return found if isinstance(found, SelectionSetNode) else None


def _directives(node: Node) -> int:
    """As they stand in the document."""
    within: list[Node] = [
        *(getattr(node, "variable_definitions", None) or ()),
        *_selected(_selection_set(node)),
    ]
    return len(getattr(node, "directives", None) or ()) + sum(map(_directives, within))
