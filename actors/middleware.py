"""What happens around every message: its time limit, the event loop it runs on, and its retries."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
import uvloop
from dramatiq import Broker
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread, set_event_loop_thread
from dramatiq.broker import MessageProxy
from dramatiq.errors import BrokerError
from dramatiq.middleware import AsyncIO, CurrentMessage, Middleware, MiddlewareError, TimeLimit
from typing_extensions import override

from actors.queues import SENDER, in_milliseconds, wait_queue_for
from actors.watchdog import Watchdog

if TYPE_CHECKING:
    from dramatiq.worker import Worker

log = structlog.get_logger(__name__)

# Far below RabbitMQ's consumer timeout of 30 minutes, after which a message is delivered a second time.
TIME_LIMIT: Final = timedelta(minutes=10)

Errand = Callable[[], Awaitable[None]]


async def _nothing() -> None: ...


def middleware_stack(
    *,
    at_start: Errand,
    at_stop: Errand,
    at_signal: Errand = _nothing,
    retry_schedule: Sequence[timedelta],
    time_limit: timedelta = TIME_LIMIT,
    blocked_after_s: tuple[float, float] | None = None,
) -> list[Middleware]:
    """
    List what a worker needs, in order.

    There is no ShutdownNotifications: no actor is interrupted, those in hand end by themselves. *at_signal*
    may see to it that they do so soon; *at_stop* comes after them. A loop that is blocked is told of after
    the first of *blocked_after_s*, and its process ended after the second; without them nobody watches.
    """
    return [
        TimeLimit(time_limit=in_milliseconds(time_limit)),
        CurrentMessage(),
        UvloopThread(),
        *([WatchedLoop(*blocked_after_s)] if blocked_after_s else []),
        OnLoop(at_start, at_stop, at_signal=at_signal),
        ScheduledRetries(retry_schedule),
    ]


class ToolsNotReady(MiddlewareError):
    """What the actors need could not be opened; only errors of this kind keep dramatiq from starting."""


class UvloopThread(AsyncIO):
    """The one event loop of the process, on which all actors run: uvloop, half as fast again as asyncio's."""

    @override
    def before_worker_boot(self, broker: Broker, worker: "Worker") -> None:
        thread = EventLoopThread(self.logger)
        thread.loop.close()
        # Given to the thread instead of set by a policy, which Python 3.14 deprecates.
        thread.loop = uvloop.new_event_loop()
        thread.start(timeout=1.0)
        set_event_loop_thread(thread)


class WatchedLoop(Middleware):
    """A watchdog over the loop, from its first coroutine to its last."""

    def __init__(self, warn_after_s: float, give_up_after_s: float) -> None:
        self._warn_after_s = warn_after_s
        self._give_up_after_s = give_up_after_s

    @override
    def before_worker_boot(self, broker: Broker, worker: "Worker") -> None:
        thread = _loop_thread()
        self._watchdog = Watchdog(
            thread.loop, thread, warn_after_s=self._warn_after_s, give_up_after_s=self._give_up_after_s
        )
        self._watchdog.start()

    @override
    def after_worker_shutdown(self, broker: Broker, worker: "Worker") -> None:
        self._watchdog.stop()


class OnLoop(Middleware):
    """Opens what the actors share before the first message and closes it after the last, on their loop."""

    def __init__(self, at_start: Errand, at_stop: Errand, *, at_signal: Errand = _nothing) -> None:
        self.at_start = at_start
        self.at_stop = at_stop
        self.at_signal = at_signal

    @override
    def before_worker_boot(self, broker: Broker, worker: "Worker") -> None:
        """
        Raises:
            ToolsNotReady: With the error of `at_start` as its cause.
        """
        loop_thread = _loop_thread()
        try:
            loop_thread.run_coroutine(self.at_start())
        except Exception as error:
            # Nobody else will stop it now, and a running loop keeps the process alive.
            loop_thread.stop()  # type: ignore[no-untyped-call]  # dramatiq
            set_event_loop_thread(None)
            raise ToolsNotReady(f"the worker cannot start: {error}") from error

    @override
    def before_worker_shutdown(self, broker: Broker, worker: "Worker") -> None:
        _loop_thread().run_coroutine(self.at_signal())

    @override
    def after_worker_shutdown(self, broker: Broker, worker: "Worker") -> None:
        _loop_thread().run_coroutine(self.at_stop())


class ScheduledRetries(Middleware):
    """
    Sends a copy of a sender's message that raised into the next wait queue, and after the last gives it up.

    Other messages are given up at once: they are triggers, and the clock publishes the next one within
    seconds while there is work. What is given up goes to its dead-letter queue.
    """

    def __init__(self, schedule: Sequence[timedelta]) -> None:
        self.schedule = tuple(schedule)

    @override
    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any | None = None,
        exception: BaseException | None = None,
    ) -> None:
        if exception is None:
            return
        # First, and taken back only once the copy is confirmed: dramatiq swallows what is raised here, the
        # time limit may strike here too, and a message that has not failed is acknowledged.
        message.fail()
        retries = message.options.get("retries", 0)
        if message.queue_name == SENDER and retries < len(self.schedule):
            self._schedule_retry(broker, message, number=retries + 1, wait=self.schedule[retries])

    @override
    def after_nack(self, broker: Broker, message: MessageProxy) -> None:
        if not message.failed:  # its channel was lost: RabbitMQ still has it and delivers it again
            return
        # dramatiq gives no other access to the exception.
        cause = type(message._exception).__name__ if message._exception else None
        log.error("message.dead_lettered", **_ids(message), cause=cause)

    def _schedule_retry(self, broker: Broker, message: MessageProxy, *, number: int, wait: timedelta) -> None:
        try:
            broker.enqueue(message.copy(options={"retries": number}), delay=in_milliseconds(wait))
        except BrokerError as error:
            log.error("message.retry_not_published", **_ids(message), retry=number, cause=str(error))
            return
        message.failed = False
        log.info(
            "message.retry_scheduled",
            **_ids(message),
            retry=number,
            wait_queue=wait_queue_for(wait, self.schedule),
        )


def _ids(message: MessageProxy) -> dict[str, str]:
    return {"message_id": message.message_id, "actor": message.actor_name, "queue": message.queue_name}


def _loop_thread() -> EventLoopThread:
    loop_thread = get_event_loop_thread()
    if loop_thread is None:
        raise ToolsNotReady("OnLoop needs an event loop: it comes after UvloopThread in the stack")
    return loop_thread
