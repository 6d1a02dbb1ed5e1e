"""The names an operator sees and the arguments behind them."""

from datetime import timedelta

import pytest

from actors.queues import (
    QueueDeclaration,
    declarations,
    every_queue,
    queue_of,
    rounded_up,
    wait_queue,
    wait_queue_for,
)

SCHEDULE = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30))


def test_an_operator_sees_eleven_queues() -> None:
    """Four work queues, three waits of the sender, and dead letters for each."""
    assert every_queue(SCHEDULE) == (
        "planner",
        "planner.dead",
        "dispatcher",
        "dispatcher.dead",
        "sender",
        "sender.wait.5m",
        "sender.wait.15m",
        "sender.wait.30m",
        "sender.dead",
        "recalculator",
        "recalculator.dead",
    )


def test_the_sender_waits_in_queues_that_lead_back_to_it() -> None:
    """Every wait ends by expiry into the work queue; what is given up stays for seven days."""
    assert declarations("sender", SCHEDULE) == (
        QueueDeclaration(
            "sender",
            {
                "x-queue-type": "classic",
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "sender.dead",
            },
        ),
        _wait("sender.wait.5m", 300_000),
        _wait("sender.wait.15m", 900_000),
        _wait("sender.wait.30m", 1_800_000),
        QueueDeclaration("sender.dead", {"x-queue-type": "classic", "x-message-ttl": 604_800_000}),
    )


@pytest.mark.parametrize("work_queue", ["planner", "dispatcher", "recalculator"])
def test_triggers_never_wait(work_queue: str) -> None:
    """Only the sender has wait queues."""
    assert [queue.name for queue in declarations(work_queue, SCHEDULE)] == [work_queue, f"{work_queue}.dead"]


@pytest.mark.parametrize(
    ("wait", "name"),
    [
        (timedelta(minutes=5), "sender.wait.5m"),
        (timedelta(seconds=30), "sender.wait.30s"),
        (timedelta(seconds=90), "sender.wait.90s"),
        (timedelta(hours=2), "sender.wait.2h"),
        (timedelta(minutes=90), "sender.wait.90m"),
        (timedelta(milliseconds=200), "sender.wait.200ms"),
    ],
)
def test_a_wait_queue_is_named_by_its_largest_whole_unit(wait: timedelta, name: str) -> None:
    """A schedule of seconds gets names of its own, so that arguments never have to change."""
    assert wait_queue(wait) == name


@pytest.mark.parametrize(
    ("delay", "name"),
    [
        (timedelta(0), "sender.wait.5m"),
        (timedelta(minutes=5), "sender.wait.5m"),
        (timedelta(minutes=5, milliseconds=1), "sender.wait.15m"),
        (timedelta(minutes=16), "sender.wait.30m"),
        (timedelta(minutes=31), "sender.wait.30m"),
    ],
)
def test_a_delay_is_rounded_up_to_a_wait(delay: timedelta, name: str) -> None:
    """A message never comes early, unless even the longest wait is too short."""
    assert wait_queue_for(delay, SCHEDULE) == name


def test_the_order_of_the_schedule_does_not_matter_for_rounding() -> None:
    """The shortest covering wait is found in any order."""
    assert rounded_up(timedelta(minutes=1), SCHEDULE[::-1]) == timedelta(minutes=5)


def test_a_wait_used_twice_has_one_queue() -> None:
    """A schedule may repeat a step."""
    repeated = (timedelta(minutes=5), timedelta(minutes=5))

    assert [queue.name for queue in declarations("sender", repeated)] == [
        "sender",
        "sender.wait.5m",
        "sender.dead",
    ]


def test_without_a_schedule_nothing_can_wait() -> None:
    """An empty schedule is refused where a wait is asked for."""
    with pytest.raises(ValueError, match="the retry schedule is empty"):
        wait_queue_for(timedelta(minutes=5), ())


def test_a_wait_of_no_time_is_refused() -> None:
    """RabbitMQ counts in milliseconds."""
    with pytest.raises(ValueError, match="a message cannot wait for 0:00:00"):
        wait_queue(timedelta(0))


def test_rescue_shares_the_queue_of_the_dispatcher() -> None:
    """Every other actor has the queue of its own name."""
    assert {
        actor: queue_of(actor) for actor in ("planner", "dispatcher", "sender", "recalculator", "rescue")
    } == {
        "planner": "planner",
        "dispatcher": "dispatcher",
        "sender": "sender",
        "recalculator": "recalculator",
        "rescue": "dispatcher",
    }


def test_an_unknown_actor_has_no_queue() -> None:
    """A misspelt name is an error at the publisher, not a message that nobody takes."""
    with pytest.raises(ValueError, match="no actor is called 'sendr'"):
        queue_of("sendr")


def _wait(name: str, ttl: int) -> QueueDeclaration:
    return QueueDeclaration(
        name,
        {
            "x-queue-type": "classic",
            "x-message-ttl": ttl,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "sender",
        },
    )
