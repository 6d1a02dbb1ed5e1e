"""The only way in which our code publishes: by the actor's name, from one thread, confirmed."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Protocol, TypeVar

from dramatiq import Message

from actors.queues import in_milliseconds, queue_of

# A third of the heartbeat that RabbitMQ expects from an idle connection.
_HEARTBEAT_EVERY_S: Final = 5.0

T = TypeVar("T")
_Job = tuple[Future[Any], Callable[[], Any]]


class MessageStore(Protocol):
    """What a publisher needs of a broker; RabbitMQ's and the one in process both have it."""

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]: ...

    def depths(self) -> Mapping[str, int]: ...

    def keep_alive(self) -> None: ...

    def disconnect(self) -> None: ...


class Publisher:
    """
    Publishes from a thread of its own, because pika blocks and its connections belong to one thread.

    Actors are named, not imported, so a process can publish to actors that it does not run.
    """

    def __init__(self, broker: MessageStore) -> None:
        self._broker = broker
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="publisher", daemon=True)
        self._thread.start()
        self._closed = False

    async def publish(self, actor: str, *args: object, delay: timedelta | None = None) -> str:
        """
        Send *args*, ids that JSON can hold, to *actor* and return the id of the message once it is confirmed.

        Raises:
            QueueUnavailable: When the broker did not confirm. The message may still have arrived.
            ValueError: If there is no such actor, or its queue has no waits and *delay* is given.
        """
        message = Message[None](
            queue_name=queue_of(actor), actor_name=actor, args=args, kwargs={}, options={}
        )
        wait = None if delay is None else in_milliseconds(delay)
        await self._run(partial(self._broker.enqueue, message, delay=wait))
        return message.message_id

    async def depths(self) -> Mapping[str, int]:
        """
        Count the messages that are ready in every queue, by name.

        Raises:
            QueueUnavailable: When the broker cannot be asked.
        """
        return await self._run(self._broker.depths)

    async def close(self) -> None:
        """Publish what was handed over before, then close the connection."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _run(self, job: Callable[[], T]) -> T:
        if self._closed:
            raise RuntimeError("the publisher is closed")
        done: Future[T] = Future()
        self._jobs.put((done, job))
        return await asyncio.wrap_future(done)

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_HEARTBEAT_EVERY_S)
            except Empty:
                # A job like any other, so that no error of it can end the thread.
                job = (Future(), self._broker.keep_alive)
            if job is None:
                self._broker.disconnect()
                return
            _carry_out(*job)


def _carry_out(done: Future[Any], job: Callable[[], Any]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(job())
    except BaseException as error:  # the caller's, on the event loop
        done.set_exception(error)
