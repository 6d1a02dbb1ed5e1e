"""A server in a thread of its own, for benchmarks that block while they measure."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager


@contextmanager
def serving(server: Callable[[], AbstractAsyncContextManager[int]]) -> Iterator[int]:
    """Keep *server* up until the block ends; the port that it answered."""
    ports: list[int] = []
    is_up, is_over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with server() as port:
            ports.append(port)
            is_up.set()
            while not is_over.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    is_up.wait(10)
    try:
        yield ports[0]
    finally:
        is_over.set()
        thread.join()
