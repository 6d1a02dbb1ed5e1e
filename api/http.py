"""GraphQL over HTTP: which requests are taken, and which status and media type they are answered with."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult

from api.authentication import authenticated
from api.context import Services
from api.errors import BadUserInput, ErrorCode
from api.graphql_request import GRAPHQL_JSON, PLAIN_JSON, RequestRefused, media_type, read_request
from api.masking import shown, told
from api.schema import schema

_STATUS = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.SERVICE_UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}


async def answer(request: Request, services: Services) -> Response:
    """Execute the operation that *request* asks for."""
    accepted = media_type(request.headers.get("accept"))
    if accepted is None:
        wanted = f"This is answered as {GRAPHQL_JSON} or {PLAIN_JSON}."
        return _response(406, PLAIN_JSON, {"errors": [shown(BadUserInput(wanted))]})
    try:
        context = await authenticated(services, request)
        asked = await read_request(request)
        result = await schema.execute(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
            allowed_operation_types=asked.operation_types,
        )
    except RequestRefused as refused:
        return _response(refused.status, accepted, {"errors": [shown(refused.error)]})
    except (MissingQueryError, CannotGetOperationTypeError):
        unknown = BadUserInput("The document has no operation with this name.")
        return _request_error(accepted, [shown(unknown)])
    except InvalidOperationTypeError:
        changes = BadUserInput("Only queries are answered to GET: send this by POST.")
        return _response(405, accepted, {"errors": [shown(changes)]})
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


def _response(status: int, accepted: str, body: dict[str, Any]) -> Response:
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 405:
        headers["Allow"] = "POST"
    return Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        status,
        headers,
        # Starlette adds the charset to text types alone.
        f"{accepted}; charset=utf-8",
    )
