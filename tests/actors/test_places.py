"""Places for emails in flight: so many at once, one alone, and none once they are closed."""

import asyncio

from actors.places import Places


async def settled(*tasks: "asyncio.Task[bool]") -> list[bool | None]:
    """What each task answered, or None while it waits."""
    for _ in range(20):
        await asyncio.sleep(0)
    return [task.result() if task.done() else None for task in tasks]


def taking(places: Places, *, alone: bool = False) -> "asyncio.Task[bool]":
    return asyncio.create_task(places.take(alone=alone))


async def test_there_are_so_many_places_and_no_more() -> None:
    """The third waits until one is given back."""
    places = Places(2)
    tasks = [taking(places) for _ in range(3)]

    assert await settled(*tasks) == [True, True, None]
    places.give_back()
    assert await settled(*tasks) == [True, True, True]


async def test_who_has_to_be_alone_waits_for_all_and_holds_up_who_comes_later() -> None:
    """Others cannot slip in for ever: they have their turn after it."""
    places = Places(2)
    first, alone, later = taking(places), taking(places, alone=True), taking(places)

    assert await settled(first, alone, later) == [True, None, None]
    places.give_back()
    assert await settled(first, alone, later) == [True, True, None]
    places.give_back(alone=True)
    assert await settled(first, alone, later) == [True, True, True]


async def test_two_that_have_to_be_alone_follow_each_other() -> None:
    """Neither waits for places that the other has."""
    places = Places(3)
    one, other = taking(places, alone=True), taking(places, alone=True)

    assert await settled(one, other) == [True, None]
    places.give_back(alone=True)
    assert await settled(one, other) == [True, True]


async def test_nobody_is_let_in_once_they_are_closed() -> None:
    """Neither who waits nor who comes; places that are held can be given back."""
    places = Places(1)
    first, waiting, alone = taking(places), taking(places), taking(places, alone=True)
    await settled(first, waiting, alone)

    places.close()
    places.give_back()

    assert await settled(first, waiting, alone, taking(places)) == [True, False, False, False]


async def test_who_gives_up_waiting_leaves_its_places_to_others() -> None:
    """A message that its time limit ended had taken one of two places."""
    places = Places(2)
    first, alone = taking(places), taking(places, alone=True)
    await settled(first, alone)

    alone.cancel()
    await asyncio.wait([alone])

    assert await settled(taking(places)) == [True]


async def test_who_does_not_get_to_be_alone_in_time_holds_up_nobody_any_more() -> None:
    """What it had gathered is for those behind it, though one place is taken for long."""
    places = Places(2)
    held = taking(places)
    await settled(held)
    alone = asyncio.create_task(places.take(alone=True, within_s=0.01))
    later = taking(places)

    assert (await alone, await later) == (False, True)
    places.give_back()
    assert await settled(taking(places)) == [True]
