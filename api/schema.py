"""The schema: what can be asked, done and watched, the limits of a request, and what is remembered."""

from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode
from strawberry.extensions import (
    AddValidationRules,
    MaxTokensLimiter,
    ParserCache,
    SchemaExtension,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.types.graphql import OperationType
from typing_extensions import override

from api.cost import COST, cost_of
from api.errors import BadUserInput, Forbidden
from api.executor import Executor
from api.limits import TOKENS, LimitsRule, QueryTooExpensive
from api.measures import Timed
from api.mutations import Mutation
from api.nulls import NoNulls, say_what_null_does
from api.queries import Query
from api.scalars import SCALARS
from api.subscriptions import Subscription
from domain.access import Scope


class QuietSchema(strawberry.Schema):
    """Leaves the reporting of errors to the HTTP side, which knows the request."""

    @override
    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        pass


class OneOperation(SchemaExtension):
    """Refuse to choose among several operations (GraphQL §6.1); Strawberry would take the first."""

    @override
    def on_parse(self) -> Iterator[None]:
        yield
        document = self.execution_context.graphql_document
        # The public `operation_name` is the first operation's where the request names none.
        if document is None or self.execution_context._provided_operation_name is not None:
            return
        if sum(isinstance(each, OperationDefinitionNode) for each in document.definitions) > 1:
            raise BadUserInput("The document has several operations: name one as `operationName`.")


class ReadersOnly(SchemaExtension):
    """Queries and subscriptions are for callers that may read; each mutation says what it needs."""

    @override
    def on_execute(self) -> Iterator[None]:
        asked = self.execution_context
        if (
            asked.operation_type is not OperationType.MUTATION
            and Scope.READ not in asked.context.caller.scopes
        ):
            raise Forbidden(Scope.READ)
        yield


class CostLimit(SchemaExtension):
    """Refuse what may be answered with too many objects: at the execution, as variables say how many."""

    @override
    def on_execute(self) -> Iterator[None]:
        asked = self.execution_context
        if asked.graphql_document is not None:
            known: GraphQLSchema = asked.schema._schema
            cost = cost_of(known, asked.graphql_document, asked.operation_name, asked.variables)
            if cost.objects > COST:
                most = f", most of them by {'.'.join(cost.dearest)}" if cost.dearest else ""
                told = f"This may be answered with {cost.objects} objects, and at most {COST} are{most}"
                raise QueryTooExpensive(f"{told}: ask for smaller pages, or for fewer lists within lists.")
        yield


schema = QuietSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(scalar_map=SCALARS),
    execution_context_class=Executor,
    extensions=[
        Timed,
        lambda: MaxTokensLimiter(max_token_count=TOKENS),
        # One list of one rule for all requests: the validation cache goes by the rules too.
        lambda: AddValidationRules([LimitsRule]),
        OneOperation,
        ReadersOnly,
        CostLimit,
        ParserCache,
        ValidationCache,
        NoNulls,
    ],
)
say_what_null_does(schema._schema)


def print_sdl() -> str:
    """The schema in its own language, with a line break at its end."""
    return schema.as_str() + "\n"
