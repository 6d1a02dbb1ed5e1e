"""The decision before the final dot: nothing is delivered without its consent."""

import asyncio

import pytest

from actors.smtp import Handover, Withheld
from domain.replies import Fault, Reply, Stage
from tests.support.handovers import (
    connected,
    deliver,
)
from tests.support.smtp_server import ScriptedSmtpServer


async def test_no_dot_leaves_before_it_is_allowed() -> None:
    """While before_dot decides, the body is on its way and nothing is delivered; its True sends the dot."""
    seen: list[int] = []

    async with ScriptedSmtpServer() as server, connected(server) as connection:

        async def look() -> bool:
            await asyncio.sleep(0.1)
            seen.append(len(server.letters))
            return True

        handover = await deliver(connection, before_dot=look)

    assert (seen, len(server.letters)) == ([0], 1)
    assert handover.answer == Reply(250, "2.0.0 queued")


async def test_a_withheld_dot_leaves_nothing_delivered() -> None:
    """When before_dot says no, the socket closes without a dot and the connection is not used again."""

    async def refuse() -> bool:
        return False

    async with ScriptedSmtpServer() as server, connected(server) as connection:
        handover = await deliver(connection, before_dot=refuse)
        is_usable = connection.is_usable
        await server.hang_up()

    assert handover == Handover(Stage.BODY, Withheld())
    assert (is_usable, server.letters) == (False, [])


async def test_a_failing_decision_withholds_the_dot() -> None:
    """An exception of before_dot, such as a commit of unknown outcome, passes on; nothing is delivered."""

    async def lose_database() -> bool:
        raise ConnectionError("commit of unknown outcome")

    async with ScriptedSmtpServer() as server, connected(server) as connection:
        with pytest.raises(ConnectionError, match="unknown outcome"):
            await deliver(connection, before_dot=lose_database)
        is_usable = connection.is_usable
        await server.hang_up()

    assert (is_usable, server.letters) == (False, [])


async def test_a_cancelled_delivery_withholds_the_dot() -> None:
    """A task cancelled while before_dot decides closes its socket: nobody can end its letter later."""
    deciding = asyncio.Event()

    async def never() -> bool:
        deciding.set()
        await asyncio.Event().wait()
        return True

    async with ScriptedSmtpServer() as server, connected(server) as connection:
        delivery = asyncio.create_task(deliver(connection, before_dot=never))
        await deciding.wait()
        delivery.cancel()
        await asyncio.wait([delivery])
        is_usable = connection.is_usable
        await server.hang_up()

    assert delivery.cancelled()
    assert (is_usable, server.letters) == (False, [])


async def test_a_server_that_leaves_during_the_decision_got_no_dot() -> None:
    """A connection lost while before_dot decides ends at BODY, provably undelivered, whatever it says."""
    async with ScriptedSmtpServer() as server, connected(server) as connection:

        async def linger() -> bool:
            await server.hang_up()
            await asyncio.sleep(0.05)
            return True

        handover = await deliver(connection, before_dot=linger)

    assert handover == Handover(Stage.BODY, Fault.DROPPED)
    assert server.letters == []
