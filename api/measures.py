"""Measures of a process's own: how long operations take, by what they ask for."""

from collections.abc import Iterator
from time import perf_counter

from graphql import FieldNode, OperationDefinitionNode, OperationType, get_operation_ast
from prometheus_client import Histogram
from strawberry.extensions import SchemaExtension
from typing_extensions import override

GRAPHQL_SECONDS = Histogram(
    "drumbeat_graphql_seconds",
    "Seconds that a GraphQL operation took, by its kind and the field that it asks for.",
    ["operation", "field"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_SEVERAL = "several"
_REFUSED = "refused"


class Timed(SchemaExtension):
    """
    Take the time of queries and mutations; subscriptions last as long as somebody watches.

    Names that clients give are no labels, as there is no end to them: fields of the schema are.
    """

    @override
    def on_operation(self) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            labels = self._labels()
            if labels is not None:
                GRAPHQL_SECONDS.labels(*labels).observe(perf_counter() - began)

    def _labels(self) -> tuple[str, str] | None:
        asked = self.execution_context
        document = asked.graphql_document
        # Without an operation, or without the one that is named, strawberry knows no type of it.
        operation = None if document is None else get_operation_ast(document, asked.operation_name)
        if operation is not None and operation.operation is OperationType.SUBSCRIPTION:
            return None
        if operation is None or asked.result is None or asked.result.data is None:
            return _REFUSED, _REFUSED
        return operation.operation.value, _field(operation)


def _field(operation: OperationDefinitionNode) -> str:
    """The only field that a valid *operation* asks for."""
    selections = operation.selection_set.selections
    if len(selections) == 1 and isinstance(selections[0], FieldNode):
        return str(selections[0].name.value)
    return _SEVERAL
