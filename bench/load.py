"""Load: clients that ask over kept connections, each as soon as it has its answer, and all of it counted."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from time import perf_counter
from typing import cast

import uvloop
from typing_extensions import override

# Who waits longer has given up.
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask, with which headers besides, and what has to be in every answer."""

    port: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    expected: bytes = b'"data"'

    def fields(self) -> dict[str, str]:
        """The fields of the head."""
        return {"Content-Type": "application/json", "Accept": "application/json", **self.headers}

    def request(self) -> bytes:
        length = {"Host": "127.0.0.1", "Content-Length": str(len(self.body))}
        head = [f"{name}: {value}" for name, value in (self.fields() | length).items()]
        return "\r\n".join(["POST /graphql HTTP/1.1", *head, "", ""]).encode() + self.body


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it: seconds of every request that was answered as it should be, and how many were not."""

    seconds: float
    latencies: Sequence[float]
    failed: int

    @property
    def rate(self) -> float:
        """Right answers per second."""
        return len(self.latencies) / self.seconds

    @property
    def p95_ms(self) -> float:
        return quantiles(self.latencies, n=20)[-1] * 1000


def ask(target: Target, *, clients: int, each: int) -> Load:
    """Let so many *clients* ask *each* times at once; every request counts, the first and the slowest too."""
    return uvloop.run(_ask(target, clients=clients, each=each))


async def _ask(target: Target, *, clients: int, each: int) -> Load:
    loop, latencies, request = asyncio.get_running_loop(), list[float](), target.request()
    asking = []
    for _ in range(clients):
        _, client = await loop.create_connection(
            lambda: _Client(request, target.expected, each, latencies), "127.0.0.1", target.port
        )
        asking.append(client)
    began = perf_counter()
    for client in asking:
        client.ask()
    await asyncio.wait([client.done for client in asking], timeout=TIMEOUT_S * each)
    seconds = perf_counter() - began
    for client in asking:
        client.hang_up()
    return Load(seconds, latencies, clients * each - len(latencies))


class _Client(asyncio.Protocol):
    """One kept connection: the next request follows the answer. A broken one is not made again."""

    def __init__(self, request: bytes, expected: bytes, times: int, latencies: list[float]) -> None:
        self._request, self._expected, self._left, self._latencies = request, expected, times, latencies
        self._received = bytearray()
        self._length: int | None = None
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def ask(self) -> None:
        self._left -= 1
        self._asked_at = perf_counter()
        if self._transport is not None:
            self._transport.write(self._request)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._length is None:
            self._length = _length_of(self._received)
        if self._length is None or len(self._received) < self._length:
            return
        self._note()
        self._received, self._length = bytearray(), None
        if self._left:
            self.ask()
        elif not self.done.done():
            self.done.set_result(None)

    def _note(self) -> None:
        took = perf_counter() - self._asked_at
        is_right = self._received.startswith(b"HTTP/1.1 200") and self._expected in self._received
        if is_right and b'"errors"' not in self._received and took <= TIMEOUT_S:
            self._latencies.append(took)

    @override
    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _length_of(received: bytearray) -> int | None:
    """Bytes of the whole answer, its head included; None while the head is not there."""
    head_ends = received.find(b"\r\n\r\n")
    if head_ends < 0:
        return None
    for line in bytes(received[:head_ends]).split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head_ends + 4 + int(value)
    raise ValueError("an answer without Content-Length")
