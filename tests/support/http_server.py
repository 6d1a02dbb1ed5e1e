"""An HTTP server for one small question after another: each connection brings one."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol, TypeVar


class Request(NamedTuple):
    """*fields* are those of the head, all in lower case."""

    target: str
    fields: dict[str, str]
    body: str


class Provider(Protocol):
    port: int

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...


AnyProvider = TypeVar("AnyProvider", bound=Provider)


async def read_request(reader: asyncio.StreamReader) -> Request:
    request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines)
    body = await reader.readexactly(int(fields.get("content-length", "0")))
    return Request(request.split(" ", 2)[1], fields, body.decode())


async def answer(writer: asyncio.StreamWriter, status: int, body: bytes, *, fields: str = "") -> None:
    """*fields* are lines of the head, each with its line end."""
    head = f"HTTP/1.1 {status} x\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    writer.close()


@asynccontextmanager
async def listening(
    provider: AnyProvider, tls_context: ssl.SSLContext | None = None
) -> AsyncIterator[AnyProvider]:
    """*provider* on a port of loopback, over TLS if it is given a certificate."""
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=tls_context)
    provider.port = server.sockets[0].getsockname()[1]
    async with server:
        yield provider
