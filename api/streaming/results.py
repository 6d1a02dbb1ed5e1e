"""The results of one subscription, with errors as callers see them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType
from typing_extensions import override

from api.context import Context
from api.errors import BadUserInput
from api.masking import shown, told
from api.schema import schema


class ShownError(GraphQLError):
    """An error that is told as *formatted* says: `shown` has seen to it."""

    def __init__(self, formatted: dict[str, Any]) -> None:
        super().__init__(formatted["message"], extensions=formatted["extensions"])
        self._formatted = formatted

    # Any: JSON; graphql-core declares a dictionary of its own for the same.
    @property
    @override
    def formatted(self) -> Any:
        return self._formatted


async def results(
    context: Context, query: str, variables: dict[str, Any] | None, operation_name: str | None
) -> AsyncGenerator[ExecutionResult]:
    """
    What a subscription is answered with; a `PreExecutionError` alone when it is refused.

    Queries and mutations are for HTTP, where they are counted and answered once.
    """
    services = context.services
    try:
        if services.callers is not None:
            await services.callers.take(context.caller.actor)
        with services.live.seats.take(context.caller.actor):
            source = await schema.stream(
                query,
                variable_values=variables,
                context_value=context,
                operation_name=operation_name,
                allowed_operation_types=(OperationType.SUBSCRIPTION,),
            )
            # Any: what a stream of another kind of operation would yield is not among the results.
            found: Any
            async with aclosing(source):
                async for found in source:
                    yield _shown(found)
    except Exception as error:
        message, extensions = told(error)
        yield PreExecutionError(
            data=None, errors=[ShownError({"message": message, "extensions": extensions})]
        )


def _shown(result: ExecutionResult) -> ExecutionResult:
    if not result.errors:
        return result
    errors: list[GraphQLError] = [ShownError(shown(_expected(error))) for error in result.errors]
    # An error without a path comes from before the execution.
    if isinstance(result, PreExecutionError) or all(error.path is None for error in result.errors):
        return PreExecutionError(data=None, errors=errors)
    return ExecutionResult(data=result.data, errors=errors)


def _expected(error: GraphQLError) -> GraphQLError:
    """*error* in our words where the library has some of its own for a mistake of the caller."""
    if isinstance(error.original_error, InvalidOperationTypeError):
        return BadUserInput("Only subscriptions are streamed: ask queries and mutations at /graphql.")
    if isinstance(error.original_error, MissingQueryError | CannotGetOperationTypeError):
        return BadUserInput("The document has no operation with this name.")
    return error
