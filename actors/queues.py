"""The queues as an operator sees them: four to work, the sender's to wait in, one each for dead letters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

PLANNER: Final = "planner"
DISPATCHER: Final = "dispatcher"
SENDER: Final = "sender"
RECALCULATOR: Final = "recalculator"
WORK_QUEUES: Final = (PLANNER, DISPATCHER, SENDER, RECALCULATOR)

DEAD_LETTERS_KEPT: Final = timedelta(days=7)

# Rescue gives back what a dispatch left behind, so it shares the dispatcher's queue.
_QUEUE_OF_ACTOR: Final = {name: name for name in WORK_QUEUES} | {"rescue": DISPATCHER}
_MILLISECOND: Final = timedelta(milliseconds=1)
_UNITS: Final = ((3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms"))


@dataclass(frozen=True, slots=True)
class QueueDeclaration:
    """One durable queue and the AMQP arguments that it is declared with; RabbitMQ never lets them change."""

    name: str
    arguments: Mapping[str, str | int]


def queue_of(actor: str) -> str:
    """
    Name the work queue that the messages of *actor* travel through.

    Raises:
        ValueError: If no actor has that name.
    """
    try:
        return _QUEUE_OF_ACTOR[actor]
    except KeyError:
        raise ValueError(f"no actor is called {actor!r}; there are {', '.join(_QUEUE_OF_ACTOR)}") from None


def dead_letter_queue(work_queue: str) -> str:
    return f"{work_queue}.dead"


def wait_queue_for(delay: timedelta, schedule: Sequence[timedelta]) -> str:
    """Name the wait queue of the sender with the shortest wait that covers *delay*, else the longest."""
    return wait_queue(rounded_up(delay, schedule))


def wait_queue(wait: timedelta) -> str:
    """
    Name the queue that holds messages for *wait*: `sender.wait.5m`, `sender.wait.30s`, `sender.wait.2h`.

    Raises:
        ValueError: If *wait* is shorter than a millisecond.
    """
    length = in_milliseconds(wait)
    if length < 1:
        raise ValueError(f"a message cannot wait for {wait}")
    size, unit = next((size, unit) for size, unit in _UNITS if length % size == 0)
    return f"{SENDER}.wait.{length // size}{unit}"


def rounded_up(delay: timedelta, schedule: Sequence[timedelta]) -> timedelta:
    """
    Take the shortest wait of *schedule* that covers *delay*, else the longest.

    Raises:
        ValueError: If *schedule* is empty.
    """
    if not schedule:
        raise ValueError("the retry schedule is empty, so there is no queue to wait in")
    return min((wait for wait in schedule if wait >= delay), default=max(schedule))


def declarations(work_queue: str, schedule: Sequence[timedelta]) -> tuple[QueueDeclaration, ...]:
    """List every queue that belongs to *work_queue*: itself, its waits (soonest first), its dead letters."""
    waits = sorted(set(schedule)) if work_queue == SENDER else []
    return (
        QueueDeclaration(work_queue, _classic() | _leading_to(dead_letter_queue(work_queue))),
        *(
            QueueDeclaration(wait_queue(wait), _classic() | _lasting(wait) | _leading_to(work_queue))
            for wait in waits
        ),
        QueueDeclaration(dead_letter_queue(work_queue), _classic() | _lasting(DEAD_LETTERS_KEPT)),
    )


def every_queue(schedule: Sequence[timedelta]) -> tuple[str, ...]:
    """List the names of all queues, each work queue followed by those that belong to it."""
    return tuple(queue.name for work_queue in WORK_QUEUES for queue in declarations(work_queue, schedule))


def in_milliseconds(duration: timedelta) -> int:
    return duration // _MILLISECOND


def _classic() -> dict[str, str | int]:
    # Said aloud because a virtual host may default to quorum, and a classic wait queue that expires into a
    # quorum queue while the broker restarts loses its messages (50 of 50 on RabbitMQ 3.10).
    return {"x-queue-type": "classic"}


def _lasting(duration: timedelta) -> dict[str, str | int]:
    return {"x-message-ttl": in_milliseconds(duration)}


def _leading_to(queue: str) -> dict[str, str | int]:
    return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}
