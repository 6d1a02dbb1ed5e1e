"""Micro-batches: what is submitted together is flushed together, and everyone hears his own answer."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from actors.micro_batches import MicroBatch


class Doubling:
    """Flushes by doubling what it is given, once it may, and keeps the groups that it saw."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may_flush = asyncio.Event()
        self.may_flush.set()

    async def __call__(self, numbers: Sequence[int]) -> Sequence[int]:
        self.groups.append(list(numbers))
        await self.may_flush.wait()
        return [2 * number for number in numbers]


async def one(batch: MicroBatch[int, int], number: int) -> int:
    (answer,) = await batch.submit(number)
    return answer


async def test_what_comes_together_is_flushed_together() -> None:
    """One flush for all of them, in the order of asking, and to each its own answer."""
    doubling = Doubling()
    batch = MicroBatch(doubling)

    answers = await asyncio.gather(*(one(batch, number) for number in (3, 1, 2)))

    assert (answers, doubling.groups) == ([6, 2, 4], [[3, 1, 2]])


async def test_several_of_one_caller_are_flushed_together() -> None:
    """Beside those of others, and none of them is left for the next group."""
    doubling = Doubling()
    batch = MicroBatch(doubling, most=4)

    answers = await asyncio.gather(batch.submit(1, 2, 3), batch.submit(4, 5), batch.submit(6))

    assert [list(each) for each in answers] == [[2, 4, 6], [8, 10], [12]]
    assert doubling.groups == [[1, 2, 3, 4, 5], [6]]


async def test_a_group_has_a_largest_size() -> None:
    """More than that goes into the groups that follow, nobody out of order."""
    doubling = Doubling()
    batch = MicroBatch(doubling, most=2)

    answers = await asyncio.gather(*(one(batch, number) for number in range(5)))

    assert (answers, doubling.groups) == ([0, 2, 4, 6, 8], [[0, 1], [2, 3], [4]])


async def test_the_next_group_gathers_during_a_flush() -> None:
    """Under load groups grow: what comes while a flush runs leaves with the next one, as a whole."""
    doubling = Doubling()
    doubling.may_flush.clear()
    batch = MicroBatch(doubling, gather_s=0.001)
    first = asyncio.create_task(one(batch, 1))
    await until(lambda: len(doubling.groups) == 1)
    others = [asyncio.create_task(one(batch, number)) for number in (2, 3, 4)]
    await asyncio.sleep(0.01)
    seen_meanwhile = list(doubling.groups)

    doubling.may_flush.set()
    answers = [await task for task in (first, *others)]

    assert (answers, seen_meanwhile) == ([2, 4, 6, 8], [[1]])
    assert doubling.groups == [[1], [2, 3, 4]]


async def test_an_error_reaches_everyone_in_its_group_and_nobody_else() -> None:
    """The batch goes on with the next group as if nothing had been."""
    flushes = 0

    async def flush(numbers: Sequence[int]) -> Sequence[int]:
        nonlocal flushes
        flushes += 1
        if flushes == 1:
            raise ConnectionError("the database is away")
        return numbers

    batch = MicroBatch(flush)

    failed = await asyncio.gather(one(batch, 1), one(batch, 2), return_exceptions=True)
    answer = await one(batch, 3)

    assert [str(error) for error in failed] == ["the database is away"] * 2
    assert (answer, flushes) == (3, 2)


async def test_too_few_answers_are_an_error_for_everyone() -> None:
    """Nobody waits for ever for an answer that a faulty flush forgot."""

    async def forgetful(numbers: Sequence[int]) -> Sequence[int]:
        return numbers[1:]

    batch = MicroBatch(forgetful)

    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(one(batch, 1), one(batch, 2), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError]


async def test_a_caller_that_waits_no_longer_harms_nobody() -> None:
    """What it submitted is flushed all the same, and the others have their answers."""
    doubling = Doubling()
    doubling.may_flush.clear()
    batch = MicroBatch(doubling)
    impatient = asyncio.create_task(one(batch, 1))
    patient = asyncio.create_task(one(batch, 2))
    await until(lambda: len(doubling.groups) == 1)

    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    doubling.may_flush.set()

    assert await patient == 4
    assert doubling.groups == [[1, 2]]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)
