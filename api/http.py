"""GraphQL over HTTP: which requests are taken, and which status and media type they are answered with."""

import json
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.execution import ExecutionResult

from api.authentication import authenticated
from api.context import Services
from api.errors import BadUserInput, ErrorCode
from api.limits import BODY_BYTES, QueryTooExpensive
from api.masking import shown, told
from api.schema import schema

GRAPHQL_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"
_STATUS = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.SERVICE_UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}


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


async def answer(request: Request, services: Services) -> Response:
    """Execute the operation that *request* asks for."""
    accepted = _media_type(request.headers.get("accept"))
    if accepted is None:
        wanted = f"This is answered as {GRAPHQL_JSON} or {PLAIN_JSON}."
        return _response(406, PLAIN_JSON, {"errors": [shown(BadUserInput(wanted))]})
    try:
        context = await authenticated(services, request)
        asked = _read_request(await _read_body(request))
        result = await schema.execute(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
        )
    except RequestRefused as refused:
        return _response(refused.status, accepted, {"errors": [shown(refused.error)]})
    except (MissingQueryError, CannotGetOperationTypeError):
        unknown = BadUserInput("The document has no operation with this name.")
        return _request_error(accepted, [shown(unknown)])
    except Exception as error:
        return _failure(accepted, error)
    return _result(accepted, result)


def _result(accepted: str, result: ExecutionResult) -> Response:
    errors = [shown(error) for error in result.errors or ()]
    # An error without a path comes from before the execution: there is no `data` to speak of.
    if any(error.path is None for error in result.errors or ()):
        return _request_error(accepted, errors)
    return _response(200, accepted, {"data": result.data} | ({"errors": errors} if errors else {}))


def _failure(accepted: str, error: Exception) -> Response:
    message, extensions = told(error)
    return _request_error(accepted, [{"message": message, "extensions": extensions}])


def _request_error(accepted: str, errors: list[dict[str, Any]]) -> Response:
    """Nothing was executed: no `data`, not even null."""
    # Clients of the older media type take anything but 200 for a broken connection.
    mistake = 400 if accepted == GRAPHQL_JSON else 200
    status = _STATUS.get(ErrorCode(errors[0]["extensions"]["code"]), mistake)
    return _response(status, accepted, {"errors": errors})


def _media_type(accept: str | None) -> str | None:
    """The media type to answer with; None when the client takes neither."""
    ranges = [part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")]
    for offered in ranges:
        if offered in (GRAPHQL_JSON, PLAIN_JSON):
            return offered
    return PLAIN_JSON if {"*/*", "application/*"} & set(ranges) else None


async def _read_body(request: Request) -> bytes:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != PLAIN_JSON or charset not in ("", "utf-8"):
        raise RequestRefused(415, BadUserInput(f"Send the request as {PLAIN_JSON} in UTF-8."))
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES:
                raise RequestRefused(413, QueryTooExpensive(f"A request has at most {BODY_BYTES} bytes."))
    except ClientDisconnect:
        raise RequestRefused(400, BadUserInput("The request ended before its body did.")) from None
    return bytes(body)


def _read_request(body: bytes) -> GraphQLRequest:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestRefused(400, BadUserInput("The body is not JSON.")) from None
    if not isinstance(asked, dict):
        raise RequestRefused(400, BadUserInput("The body is one JSON object; batches are not taken."))
    query, variables = asked.get("query"), asked.get("variables")
    operation_name, extensions = asked.get("operationName"), asked.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise RequestRefused(400, BadUserInput("`query` is the GraphQL document, as text."))
    for name, given in (("variables", variables), ("extensions", extensions)):
        if given is not None and not isinstance(given, dict):
            raise RequestRefused(400, BadUserInput(f"`{name}` is an object."))
    if operation_name is not None and not isinstance(operation_name, str):
        raise RequestRefused(400, BadUserInput("`operationName` is text."))
    return GraphQLRequest(query, variables, operation_name)


def _response(status: int, media_type: str, body: dict[str, Any]) -> Response:
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        status,
        headers,
        # Starlette adds the charset to text types alone.
        f"{media_type}; charset=utf-8",
    )
