"""Clients that watch: over WebSockets and over server-sent events, by real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PATIENCE_S = 20.0
PROTOCOL = Subprotocol("graphql-transport-ws")


@dataclass
class Socket:
    """A client of graphql-transport-ws."""

    websocket: ClientConnection

    async def say(self, **message: Any) -> None:
        await self.websocket.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            heard: dict[str, Any] = json.loads(await self.websocket.recv())
        return heard

    async def log_in(self, **payload: str) -> None:
        await self.say(type="connection_init", payload=payload)
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, document: str, *, name: str = "1", **variables: Any) -> None:
        payload = {"query": document, "variables": variables}
        await self.say(type="subscribe", id=name, payload=payload)

    async def next(self, *, name: str = "1") -> dict[str, Any]:
        """The data that comes next, without errors."""
        message = await self.hear()
        assert (message["type"], message["id"]) == ("next", name), message
        assert "errors" not in message["payload"], message
        data: dict[str, Any] = message["payload"]["data"]
        return data

    async def end(self) -> int | None:
        """With which code the server closes."""
        async with asyncio.timeout(PATIENCE_S):
            await self.websocket.wait_closed()
        return self.websocket.close_code


@asynccontextmanager
async def socket(url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Socket]:
    address = f"{url.replace('http', 'ws', 1)}/graphql"
    async with connect(address, subprotocols=[PROTOCOL], additional_headers=headers) as websocket:
        yield Socket(websocket)


@asynccontextmanager
async def logged_in(url: str, key: str) -> AsyncIterator[Socket]:
    async with socket(url) as client:
        await client.log_in(Authorization=f"Bearer {key}")
        yield client


def browser(url: str, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"})


@dataclass
class Event:
    """An event as a browser's EventSource dispatches it (HTML §9.2.6)."""

    type: str = "message"
    data: list[str] = field(default_factory=list)
    id: str | None = None

    @property
    def payload(self) -> Any:
        return json.loads("\n".join(self.data))


@dataclass
class EventSource:
    response: httpx.Response
    lines: AsyncIterator[str]
    pings: int = 0

    async def next(self) -> Event | None:
        """The next event; None when the stream has ended."""
        async with asyncio.timeout(PATIENCE_S):
            event = Event()
            async for line in self.lines:
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if not line:
                    if event.data:
                        return event
                elif not name:
                    self.pings += 1
                elif name == "data":
                    event.data.append(value)
                elif name == "event":
                    event.type = value
                elif name == "id":
                    event.id = value
        return None

    async def data(self) -> dict[str, Any]:
        event = await self.next()
        assert event is not None
        assert event.type == "next"
        assert "errors" not in event.payload, event.payload
        data: dict[str, Any] = event.payload["data"]
        return data


@asynccontextmanager
async def event_source(
    client: httpx.AsyncClient, document: str, headers: Mapping[str, str] | None = None, **variables: Any
) -> AsyncIterator[EventSource]:
    """What a browser asks for: GET with the operation in the address, and no header that it cannot set."""
    asked = {"query": document, "variables": json.dumps(variables)}
    sent = {"Accept": "text/event-stream"} | dict(headers or {})
    async with client.stream(
        "GET", "/graphql/stream", params=asked, headers=sent, timeout=PATIENCE_S
    ) as response:
        yield EventSource(response, response.aiter_lines())
