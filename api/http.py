"""GraphQL over HTTP: which requests are taken, and which status and media type they are answered with."""

import json
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType

from api.authentication import authenticated
from api.context import Context, Services
from api.errors import BadUserInput, ErrorCode
from api.graphql_request import (
    GRAPHQL_JSON,
    PLAIN_JSON,
    GraphQLRequest,
    RequestRefused,
    media_type,
    read_request,
)
from api.idempotency import Answer, idempotency_key, once
from api.masking import shown, told
from api.schema import schema

STATUS = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.CONFLICT: 409,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.SERVICE_UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}

_STREAMS = (
    "Subscriptions are streamed: as text/event-stream from /graphql/stream, or over a WebSocket at /graphql."
)


async def answer(request: Request, services: Services) -> Response:
    """Execute the operation that *request* asks for."""
    accepted = media_type(request.headers.get("accept"))
    if accepted is None:
        wanted = f"This is answered as {GRAPHQL_JSON} or {PLAIN_JSON}. {_STREAMS}"
        return _response(_refusal(406, BadUserInput(wanted)), PLAIN_JSON)
    headers: dict[str, str] = {}
    try:
        context = await authenticated(services, request)
        if services.callers is not None:
            headers = (await services.callers.take(context.caller.actor)).headers
        answered = await _answered(request, context, accepted)
    except RequestRefused as refused:
        answered = _refusal(refused.status, refused.error)
    except (MissingQueryError, CannotGetOperationTypeError):
        unknown = BadUserInput("The document has no operation with this name.")
        answered = _request_error(accepted, [shown(unknown)])
    except InvalidOperationTypeError as refused:
        answered = _elsewhere(refused.operation_type)
    except Exception as error:
        headers |= getattr(error, "headers", {})
        message, extensions = told(error)
        answered = _request_error(accepted, [{"message": message, "extensions": extensions}])
    return _response(answered, accepted, headers)


async def _answered(request: Request, context: Context, accepted: str) -> Answer:
    asked = await read_request(request)
    execute = partial(_execute, asked, accepted)
    key = idempotency_key(request.headers)
    if key is not None and asked.is_mutation:
        return await once(context, key, asked, execute)
    return await execute(context)


async def _execute(asked: GraphQLRequest, accepted: str, context: Context) -> Answer:
    async with context.services.executions.place():
        result = await schema.execute(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
            allowed_operation_types=asked.operation_types,
        )
    return _result(accepted, result)


def _result(accepted: str, result: ExecutionResult) -> Answer:
    errors = [shown(error) for error in result.errors or ()]
    # An error without a path comes from before the execution: there is no `data` to speak of.
    if any(error.path is None for error in result.errors or ()):
        return _request_error(accepted, errors)
    body = {"data": result.data} | ({"errors": errors} if errors else {})
    return Answer(200, _written(body), is_executed=True, has_errors=bool(errors))


def _request_error(accepted: str, errors: list[dict[str, Any]]) -> Answer:
    """Nothing was executed: no `data`, not even null."""
    # Clients of the older media type take anything but 200 for a broken connection.
    mistake = 400 if accepted == GRAPHQL_JSON else 200
    status = STATUS.get(ErrorCode(errors[0]["extensions"]["code"]), mistake)
    return Answer(status, _written({"errors": errors}))


def _elsewhere(operation_type: OperationType) -> Answer:
    if operation_type is OperationType.SUBSCRIPTION:
        return _refusal(400, BadUserInput(_STREAMS))
    return _refusal(405, BadUserInput("Only queries are answered to GET: send this by POST."))


def _refusal(status: int, error: Exception) -> Answer:
    message, extensions = told(error)
    return Answer(status, _written({"errors": [{"message": message, "extensions": extensions}]}))


def _written(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _response(answered: Answer, accepted: str, headers: dict[str, str] | None = None) -> Response:
    headers = {"Cache-Control": "no-store"} | (headers or {})
    if answered.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if answered.status == 405:
        headers["Allow"] = "POST"
    if answered.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(
        answered.written.encode(),
        answered.status,
        headers,
        # Starlette adds the charset to text types alone.
        f"{accepted}; charset=utf-8",
    )
