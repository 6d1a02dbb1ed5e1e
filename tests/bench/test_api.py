"""The benchmark of the API: it runs, compares equal answers, and counts what goes wrong."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from bench.answering import plain_endpoint, same_answer
from bench.api import (
    CROWD,
    ENROLL,
    FAR,
    MEMORY,
    PERCENTILE,
    RATE,
    make_archive,
    measure_memory,
    measure_round,
)
from bench.figures import Rounds
from bench.listing import request_body
from bench.load import Target, ask
from bench.timetable_checks import WrongResult
from tests.bench.threads import serving

pytestmark = pytest.mark.processes


@contextmanager
def answering(*answers: bytes) -> Iterator[int]:
    """A server that gives these answers in turn, and hangs up after the last; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in answers:
            await reader.readuntil(b"\r\n\r\n{}")
            writer.write(each)
        writer.close()

    @asynccontextmanager
    async def server() -> AsyncIterator[int]:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
            yield listening.sockets[0].getsockname()[1]

    with serving(server) as port:
        yield port


def _answer(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def test_every_work_has_a_figure(database: str, tmp_path: Path) -> None:
    """After all three servers gave the same answer."""
    rounds: Rounds = {}
    archive = await make_archive(database, contacts=100)

    def measure() -> None:
        measure_round(archive, tmp_path, rounds, requests=100, many=60)
        measure_memory(archive, tmp_path, rounds, seconds=0.1, many=60)

    await asyncio.to_thread(measure)

    assert list(rounds) == [RATE, PERCENTILE, CROWD, FAR, ENROLL, MEMORY]
    assert all(each.value > 0 and each.floor > 0 for (each,) in rounds.values())


async def test_a_server_that_answers_less_spoils_the_figure(database: str, tmp_path: Path) -> None:
    """It would be faster."""
    archive = await make_archive(database, contacts=100)

    def compare() -> None:
        with plain_endpoint(tmp_path, url=archive.url, workspace_id=archive.workspace_id) as server:
            expected = same_answer(server, request_body())
            assert json.dumps(expected).count('"sendAt"') == 20
            with pytest.raises(WrongResult, match="instead of"):
                same_answer(server, request_body(first=19), expected=expected)

    await asyncio.to_thread(compare)


def test_every_request_is_counted() -> None:
    """The one that is refused, the one with an error in its answer, and the one that is never answered."""
    right, wrong = b'{"data":{}}', b'{"data":null,"errors":[]}'
    answers = [_answer("200 OK", right), _answer("503 Busy", right), _answer("200 OK", wrong)]
    with answering(*answers) as port:
        load = ask(Target(port, b"{}"), clients=2, each=4)

    assert (len(load.latencies), load.failed) == (2, 6)
    assert load.rate > 0
