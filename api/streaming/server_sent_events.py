"""Subscriptions as server-sent events, by graphql-sse in distinct connections: what an EventSource takes."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from time import monotonic
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from strawberry.types.execution import ExecutionResult, PreExecutionError

from api.authentication import authenticated, is_still_allowed
from api.context import Context, Services
from api.errors import BadUserInput, ErrorCode
from api.graphql_request import RequestRefused, read_request
from api.masking import told
from api.streaming.results import ShownError, results

MEDIA_TYPE = "text/event-stream"
# The id of a stream that has told everything: a browser asks again all the same.
_COMPLETE = "complete"
_RETRY_MS = 2000
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
        return _refused(None, *(first.errors or ()))
    events = _events(request, context, first, stream)
    return StreamingResponse(events, media_type=MEDIA_TYPE, headers=_HEADERS)


def _takes_events(accept: str | None) -> bool:
    ranges = {part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")}
    return bool(ranges & {MEDIA_TYPE, "text/*", "*/*"})


def _refused(status: int | None, error: Exception, *_: Exception) -> Response:
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


def _next(result: ExecutionResult, number: str | None) -> str:
    payload: dict[str, Any] = {"data": result.data}
    if result.errors:
        payload["errors"] = [error.formatted for error in result.errors]
    written = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    position = f"id: {number}\n" if number else ""
    return f"{position}event: next\ndata: {written}\n\n"


async def _events(
    request: Request, context: Context, first: ExecutionResult, stream: AsyncGenerator[ExecutionResult]
) -> AsyncIterator[str]:
    yield f"retry: {_RETRY_MS}\n" + _next(first, context.stream.number)
    has_failed = False
    async with aclosing(_Rest(request, context, stream).results()) as rest:
        async for result in rest:
            if result is _OVER:
                # After an error the client comes back by itself, and goes on where it was.
                if not has_failed:
                    yield f"id: {_COMPLETE}\nevent: complete\ndata:\n\n"
            elif result is None:
                yield ":\n\n"
            else:
                has_failed = isinstance(result, PreExecutionError)
                yield _next(result, context.stream.number)


_OVER = ExecutionResult(data=None, errors=None)


class _Rest:
    """What comes after the first result, as long as the caller may have it and the process goes on."""

    def __init__(self, request: Request, context: Context, stream: AsyncGenerator[ExecutionResult]) -> None:
        self._request = request
        self._services = context.services
        self._stream = stream

    async def results(self) -> AsyncGenerator[ExecutionResult | None]:
        """None is no news for a while; `_OVER` the end of the subscription itself."""
        timing, checked = self._services.live.timing, monotonic()
        ending = asyncio.create_task(self._services.live.ending.wait())
        coming = asyncio.create_task(self._next())
        try:
            while True:
                patience_s = min(timing.ping_s, timing.recheck_s)
                done, _ = await asyncio.wait(
                    {coming, ending}, timeout=patience_s, return_when="FIRST_COMPLETED"
                )
                if ending in done:
                    return
                if monotonic() - checked >= timing.recheck_s:
                    checked = monotonic()
                    if not await is_still_allowed(self._services, self._request):
                        return
                if coming not in done:
                    yield None
                    continue
                result = coming.result()
                yield result
                if result is _OVER:
                    return
                coming = asyncio.create_task(self._next())
        finally:
            for task in (coming, ending):
                task.cancel()
            await asyncio.gather(coming, ending, return_exceptions=True)
            await self._stream.aclose()

    async def _next(self) -> ExecutionResult:
        return await anext(self._stream, _OVER)
