"""A GraphQL request as it comes over HTTP: in the body of a POST, or for queries in the address of a GET."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, get_operation_ast, parse
from graphql import OperationType as Kind
from starlette.requests import ClientDisconnect, Request
from strawberry.types.graphql import OperationType

from api.errors import BadUserInput
from api.limits import BODY_BYTES, TOKENS, QueryTooExpensive

GRAPHQL_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"
# For 256 KB: who is slower than a modem holds a connection and sends nothing.
BODY_S = 30.0


class RequestRefused(Exception):
    """The request is no GraphQL request; *status* says of which kind of mistake."""

    def __init__(self, status: int, error: GraphQLError) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    query: str
    variables: dict[str, Any] | None  # JSON
    operation_name: str | None
    # A GET may be sent again by anybody on its way, and by a link of any page: it changes nothing.
    operation_types: frozenset[OperationType]

    @property
    def is_mutation(self) -> bool:
        """Whether it asks for a change; what cannot be parsed asks for none."""
        try:
            operation = get_operation_ast(parse(self.query, max_tokens=TOKENS), self.operation_name)
        except (GraphQLError, RecursionError):
            return False
        return operation is not None and operation.operation is Kind.MUTATION


async def read_request(request: Request) -> GraphQLRequest:
    """
    What *request* asks for.

    Raises:
        RequestRefused: It is no GraphQL request, or too large.
    """
    if request.method == "GET":
        return _checked(_in_address(request.query_params), frozenset({OperationType.QUERY}))
    return _checked(
        _parsed(await _read_body(request)), frozenset({OperationType.QUERY, OperationType.MUTATION})
    )


def media_type(accept: str | None) -> str | None:
    """The media type to answer with; None when the client takes neither."""
    ranges = [part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")]
    for offered in ranges:
        if offered in (GRAPHQL_JSON, PLAIN_JSON):
            return offered
    return PLAIN_JSON if {"*/*", "application/*"} & set(ranges) else None


async def _read_body(request: Request) -> bytes:
    declared, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if declared.strip().lower() != PLAIN_JSON or charset not in ("", "utf-8"):
        raise RequestRefused(415, BadUserInput(f"Send the request as {PLAIN_JSON} in UTF-8."))
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES:
                    raise RequestRefused(413, QueryTooExpensive(f"A request has at most {BODY_BYTES} bytes."))
    except ClientDisconnect:
        raise RequestRefused(400, BadUserInput("The request ended before its body did.")) from None
    except TimeoutError:
        raise RequestRefused(408, BadUserInput(f"The body took longer than {BODY_S:g} seconds.")) from None
    return bytes(body)


def _in_address(parameters: Mapping[str, str]) -> dict[str, Any]:
    """An empty parameter is none, as a form writes one that was left out."""
    asked: dict[str, Any] = {name: given for name, given in parameters.items() if given}
    for name in ("variables", "extensions"):
        if name in asked:
            try:
                asked[name] = json.loads(asked[name])
            except (ValueError, RecursionError):
                raise RequestRefused(400, BadUserInput(f"`{name}` is not JSON.")) from None
    return asked


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestRefused(400, BadUserInput("The body is not JSON.")) from None
    if not isinstance(asked, dict):
        raise RequestRefused(400, BadUserInput("The body is one JSON object; batches are not taken."))
    return asked


def _checked(asked: dict[str, Any], operation_types: frozenset[OperationType]) -> GraphQLRequest:
    query, variables = asked.get("query"), asked.get("variables")
    operation_name, extensions = asked.get("operationName"), asked.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise RequestRefused(400, BadUserInput("`query` is the GraphQL document, as text."))
    for name, given in (("variables", variables), ("extensions", extensions)):
        if given is not None and not isinstance(given, dict):
            raise RequestRefused(400, BadUserInput(f"`{name}` is an object."))
    if operation_name is not None and not isinstance(operation_name, str):
        raise RequestRefused(400, BadUserInput("`operationName` is text."))
    return GraphQLRequest(query, variables, operation_name, operation_types)
