"""Files beside GraphQL: who may send and fetch them, and how they are refused."""

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.authentication import authenticated
from api.context import Context, Services
from api.errors import ErrorCode, Forbidden
from api.http import STATUS
from api.masking import told
from domain.access import Scope


class TransferRefused(Exception):
    """A file is not taken or given; *status* is that of HTTP, *details* go beside the error."""

    def __init__(self, status: int, error: Exception, **details: Any) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error
        self.details = details


async def admitted(request: Request, services: Services, *, needs: Scope) -> Context:
    """
    The context of the caller, who asks as for GraphQL.

    Raises:
        Refused: They are unknown, come from a foreign page, ask too often, or lack the scope.
    """
    context = await authenticated(services, request)
    if services.callers is not None:
        await services.callers.take(context.caller.actor)
    if needs not in context.caller.scopes:
        raise Forbidden(needs)
    return context


def refusal(error: Exception) -> Response:
    """*error* as GraphQL would tell it; only unexpected ones are masked."""
    details: dict[str, Any] = {}
    headers = {"Cache-Control": "no-store"} | getattr(error, "headers", {})
    if isinstance(error, TransferRefused):
        details = error.details
        message, extensions = told(error.error)
        status = error.status
    else:
        message, extensions = told(error)
        status = STATUS.get(ErrorCode(extensions["code"]), 400)
        if extensions["code"] == ErrorCode.NOT_FOUND:
            status = 404
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return answer({"errors": [{"message": message, "extensions": extensions}]} | details, status, headers)


def answer(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    written = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Cache-Control": "no-store"} | (headers or {})
    return Response(written, status, headers, "application/json")


def csv_file(lines: AsyncIterator[bytes], name: str) -> Response:
    """*lines* as a file that is downloaded while it is made."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(lines, media_type="text/csv", headers=headers)
