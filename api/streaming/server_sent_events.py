"""Subscriptions as server-sent events: graphql-sse in distinct connections, as a browser's EventSource takes it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from strawberry.types.execution import ExecutionResult, PreExecutionError

from api.authentication import authenticated
from api.context import Context, Services, Stream
from api.errors import BadUserInput, ErrorCode
from api.graphql_request import RequestRefused, read_request
from api.masking import told
from api.streaming.results import ShownError, results

MEDIA_TYPE = "text/event-stream"
# The id of a stream that has told everything: a browser asks again all the same.
_COMPLETE = "complete"
_HEADERS = {
    "Cache-Control": "no-store",
    # nginx would gather what belongs to the client.
    "X-Accel-Buffering": "no",
}
_STATUS = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.SERVICE_UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}


async def answer(request: Request, services: Services) -> Response:
    """
    Stream what the subscription yields that *request* asks for, in its address (GET) or its body (POST).

    It is refused with a status and GraphQL errors as JSON, to which an EventSource does not connect again.
    """
    if not _takes_events(request.headers.get("accept")):
        return _refused(406, BadUserInput(f"This is answered as {MEDIA_TYPE}."))
    last = request.headers.get("last-event-id") or None
    if last == _COMPLETE:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    try:
        context = await authenticated(services, request)
        asked = await read_request(request)
    except RequestRefused as refused:
        return _refused(refused.status, refused.error)
    except Exception as error:
        return _refused(None, error)
    context.stream.resumes_from = last
    stream = results(context, asked.query, asked.variables, asked.operation_name)
    # Each subscription says something at once, if only where it begins.
    first = await anext(stream)
    if isinstance(first, PreExecutionError):
        await stream.aclose()
        return _refused(None, (first.errors or [BadUserInput("")])[0])
    events = _events(request, context, first, stream)
    return StreamingResponse(events, media_type=MEDIA_TYPE, headers=_HEADERS)


def _takes_events(accept: str | None) -> bool:
    ranges = {part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")}
    return bool(ranges & {MEDIA_TYPE, "text/*", "*/*"})


def _refused(status: int | None, error: Exception) -> Response:
    if isinstance(error, ShownError):
        shown: dict[str, Any] = error.formatted
    else:
        message, extensions = told(error)
        shown = {"message": message, "extensions": extensions}
    status = status or _STATUS.get(ErrorCode(shown["extensions"]["code"]), 400)
    headers = {"Cache-Control": "no-store"} | getattr(error, "headers", {})
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"errors": [shown]}, status, headers)


async def _events(
    request: Request, context: Context, first: ExecutionResult, stream: AsyncGenerator[ExecutionResult]
) -> AsyncIterator[str]:
    async with aclosing(stream):
        yield "retry: 2000\n" + _next(first, context.stream)
        async with contextlib.aclosing(_until_over(request, context, stream)) as answered:
            async for result in answered:
                yield ":\n\n" if result is None else _next(result, context.stream)
        if context.stream.is_whole:
            yield f"id: {_COMPLETE}\nevent: complete\ndata:\n\n"
