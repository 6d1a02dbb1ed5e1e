"""Subscriptions over WebSockets, by the protocol graphql-transport-ws."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.types.execution import ExecutionResult
from strawberry.types.unset import UNSET
from typing_extensions import override

from api.authentication import authenticated, is_still_allowed
from api.context import Context, Services, context_for
from api.errors import ErrorCode, Refused
from api.live.live import MOST_PER_CONNECTION
from api.masking import told
from api.streaming.results import results

# https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
_TRY_AGAIN = 1013
_UNAUTHORIZED = 4401
_WRONG_PROTOCOL = 4406


class TooManySubscriptions(Refused):
    def __init__(self) -> None:
        message = (
            f"One connection carries at most {MOST_PER_CONNECTION} subscriptions: end one, or open another."
        )
        super().__init__(ErrorCode.RATE_LIMITED, message)


async def serve(websocket: WebSocket, services: Services) -> None:
    """Talk to one client until it leaves, or may not stay."""
    if GRAPHQL_TRANSPORT_WS_PROTOCOL not in websocket.scope["subprotocols"]:
        await websocket.accept()
        await websocket.close(_WRONG_PROTOCOL, "Subprotocol not acceptable")
        return
    await websocket.accept(subprotocol=GRAPHQL_TRANSPORT_WS_PROTOCOL)
    connection = _Connection(websocket, services)
    # Any: the library's view and schema are far more than what its handler asks of them.
    view: Any = connection
    handler = _Handler(
        view,
        ASGIWebSocketAdapter(view, websocket, websocket),
        context=connection,
        root_value=None,
        schema=view,
        connection_init_wait_timeout=timedelta(seconds=services.live.timing.init_s),
    )
    try:
        await handler.handle()
    except Exception as error:
        told(error)
        # It may be closed already.
        with suppress(RuntimeError):
            await websocket.close(_TRY_AGAIN, "Try again")
    finally:
        await connection.leave()


class _Connection:
    """Who is at the other end, and what the library's handler asks about them and does for them."""

    def __init__(self, websocket: WebSocket, services: Services) -> None:
        self._websocket = websocket
        self._services = services
        self._asking: HTTPConnection = websocket
        self._caller: Context | None = None
        self._rechecking: asyncio.Task[None] | None = None
        # Filled by the handler: what the client says of itself, as browsers cannot set headers here.
        self.connection_params: dict[str, object] = {}

    async def on_ws_connect(self, _: object) -> object:
        key = self.connection_params.get("Authorization", self.connection_params.get("authorization"))
        if isinstance(key, str):
            self._asking = _with_authorization(self._websocket, key)
        try:
            self._caller = await authenticated(self._services, self._asking)
        except Refused as refused:
            raise ConnectionRejectionError from refused
        self._rechecking = asyncio.create_task(self._recheck())
        return UNSET

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(self._services.live.timing.recheck_s)
            if not await is_still_allowed(self._services, self._asking):
                # It may have left by itself in this moment.
                with suppress(RuntimeError):
                    await self._websocket.close(_UNAUTHORIZED, "Unauthorized")
                return

    async def leave(self) -> None:
        if self._rechecking is not None:
            self._rechecking.cancel()
            with suppress(asyncio.CancelledError):
                await self._rechecking

    # Any: as the library calls it, where it expects a schema.
    async def stream(
        self, query: str, *, variable_values: dict[str, Any] | None, operation_name: str | None, **_: object
    ) -> AsyncGenerator[ExecutionResult]:
        if self._caller is None:
            raise RuntimeError("nobody was let in here")
        # Of its own, because each subscription reads anew what changed.
        context = context_for(self._services, self._caller.caller)
        return results(context, query, variable_values, operation_name)

    # Any: JSON.
    def decode_json(self, text: str) -> Any:
        return json.loads(text)

    def encode_json(self, message: object) -> str:
        return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _with_authorization(websocket: WebSocket, authorization: str) -> HTTPConnection:
    headers = [each for each in websocket.scope["headers"] if each[0] != b"authorization"]
    given = (b"authorization", authorization.encode("latin-1", errors="replace"))
    return HTTPConnection({**websocket.scope, "headers": [*headers, given]})


class _Handler(BaseGraphQLTransportWSHandler[_Connection, None]):
    """The library's, for messages whose shape is sure."""

    # Any: a message, as JSON.
    @override
    async def handle_message(self, message: Any) -> None:
        if not _is_well_formed(message):
            await self.handle_invalid_message("The message is none of graphql-transport-ws")
            return
        if message["type"] == "subscribe" and len(self.operations) >= MOST_PER_CONNECTION:
            payload: Any = [TooManySubscriptions().formatted]
            await self.send_message({"id": message["id"], "type": "error", "payload": payload})
            return
        await super().handle_message(message)


def _is_well_formed(message: object) -> bool:
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] not in ("subscribe", "complete"):
        return True
    if not isinstance(message.get("id"), str) or not message["id"]:
        return False
    return message["type"] == "complete" or _is_operation(message.get("payload"))


def _is_operation(payload: object) -> bool:
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return False
    return isinstance(payload.get("variables") or {}, dict) and isinstance(
        payload.get("operationName") or "", str
    )
