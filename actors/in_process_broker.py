"""The queues inside one process, for the demo and for trying things: same names, waits by business time."""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from queue import Queue
from threading import Lock
from typing import Any, Final

from dramatiq import Broker, Message, Worker
from dramatiq.brokers.stub import StubBroker
from dramatiq.common import join_queue
from dramatiq.errors import QueueNotFound
from dramatiq.middleware import Middleware
from dramatiq.worker import _WorkerMiddleware
from typing_extensions import override

from actors.queues import (
    SENDER,
    WORK_QUEUES,
    dead_letter_queue,
    every_queue,
    in_milliseconds,
    rounded_up,
    wait_queue,
)

# A dead letter holds its exception with all frames, so a broken database would fill the memory over night.
_DEAD_LETTERS_KEPT: Final = 100
_IDLE: Final = timedelta(milliseconds=100)
_GRACE: Final = timedelta(seconds=45)


class InProcessBroker(StubBroker):
    """
    Holds messages in memory; what waits is released by the business clock, which may stand still or jump.

    Everything is lost with the process, which is no harm: the rows are the truth and are dispatched again.
    """

    def __init__(
        self,
        *,
        retry_schedule: Sequence[timedelta],
        now: Callable[[], datetime],
        middleware: Sequence[Middleware] = (),
    ) -> None:
        super().__init__(middleware=list(middleware))
        for queue in WORK_QUEUES:
            # dramatiq's type is a list, of which it uses append, clear and iteration.
            self.dead_letters_by_queue[queue] = deque(maxlen=_DEAD_LETTERS_KEPT)  # type: ignore[assignment]
        self.retry_schedule = tuple(retry_schedule)
        self._now = now
        self._waiting: list[tuple[datetime, str, Message[Any]]] = []
        self._lock = Lock()

    def declare_all(self) -> None:
        """Create every work queue; a worker on this broker then consumes all of them."""
        for queue in WORK_QUEUES:
            self.declare_queue(queue)

    @override
    def declare_queue(self, queue_name: str) -> None:
        if queue_name in self.queues:
            return
        self.emit_before("declare_queue", queue_name)
        self.queues[queue_name] = Queue()
        self.emit_after("declare_queue", queue_name)

    @override
    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """
        Put *message* into its queue, or with *delay* in milliseconds into the wait that covers it.

        Raises:
            ValueError: If *delay* is given for a queue other than the sender's.
        """
        if delay is not None and message.queue_name != SENDER:
            raise ValueError(f"only messages of the {SENDER} can wait, not those of the {message.queue_name}")
        self.emit_before("enqueue", message, delay)
        if delay is None:
            self._put(message)
        else:
            self._hold(message, timedelta(milliseconds=delay))
        self.emit_after("enqueue", message, delay)
        return message

    def release_due(self, now: datetime) -> int:
        """Move what has waited until *now* or longer into its work queue, soonest first; return how many."""
        with self._lock:
            due = [held for held in self._waiting if held[0] <= now]
            self._waiting = [held for held in self._waiting if held[0] > now]
        for _, _, message in sorted(due, key=lambda held: held[0]):
            self._put(message)
        return len(due)

    def waiting(self) -> Mapping[str, int]:
        """Count what waits, by the name of the wait queue; every wait is listed."""
        with self._lock:
            held = [queue for _, queue, _ in self._waiting]
        return {wait_queue(wait): held.count(wait_queue(wait)) for wait in sorted(set(self.retry_schedule))}

    def depths(self) -> dict[str, int]:
        """Count the messages that are ready in each queue."""
        work = {queue: self.queues[queue].qsize() for queue in WORK_QUEUES if queue in self.queues}
        dead = {dead_letter_queue(queue): len(self.dead_letters_by_queue[queue]) for queue in WORK_QUEUES}
        counts = {**work, **self.waiting(), **dead}
        return {queue: counts.get(queue, 0) for queue in every_queue(self.retry_schedule)}

    def keep_alive(self) -> None:
        """Nothing to keep: there is no connection."""

    def disconnect(self) -> None:
        """Nothing to close: there is no connection."""

    @override
    def join(self, queue_name: str, *, timeout: int | None = None, fail_fast: bool | None = None) -> None:
        """
        Wait until everything in *queue_name* is processed, *timeout* milliseconds at most, but for no wait.

        With *fail_fast*, which is the default, the exception of its first dead letter is raised.
        """
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)  # type: ignore[no-untyped-call]  # dramatiq
        join_queue(self.queues[queue_name], timeout=timeout and timeout / 1000)  # type: ignore[no-untyped-call]
        if self.fail_fast_default if fail_fast is None else fail_fast:
            for message in self.dead_letters_by_queue[queue_name]:
                raise message._exception or RuntimeError(f"message {message.message_id} is dead")

    def _put(self, message: Message[Any]) -> None:
        self.declare_queue(message.queue_name)
        self.queues[message.queue_name].put(message.encode())

    def _hold(self, message: Message[Any], delay: timedelta) -> None:
        wait = rounded_up(delay, self.retry_schedule)
        with self._lock:
            self._waiting.append((self._now() + wait, wait_queue(wait), message))


class RunningWorker:
    """A dramatiq worker inside this process."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def stop(self, grace: timedelta = _GRACE) -> None:
        """Take no new messages and end those in hand, within *grace*. Blocks: not for an event loop."""
        self._worker.stop(timeout=in_milliseconds(grace))


def start_worker(broker: Broker, *, threads: int, queues: Collection[str] | None = None) -> RunningWorker:
    """
    Start consuming *queues*, or all that *broker* declares, with *threads* messages at once.

    A process has one worker at a time, because it has one event loop for its actors.

    Raises:
        RuntimeError: If *broker* has had a worker before; a new worker needs a new broker.
        ToolsNotReady: If what the actors need could not be opened.
    """
    # dramatiq would only log that its timers cannot start twice, and feed both workers.
    if any(isinstance(middleware, _WorkerMiddleware) for middleware in broker.middleware):
        raise RuntimeError("this broker has had its worker; make a new broker for a new worker")
    broker.emit_after("process_boot")
    worker = Worker(
        broker,
        queues=set(queues) if queues else None,
        worker_threads=threads,
        worker_timeout=in_milliseconds(_IDLE),
    )
    worker.start()
    return RunningWorker(worker)
