"""Sending over a kept connection: what a refusal, or a server that left, costs the next email."""

import asyncio

import pytest

from actors.smtp import Handover
from domain.replies import Fault, Reply, Stage
from tests.support.pools import ACCEPTED, FIRST, endpoint_of, pool_of, send
from tests.support.smtp_server import Answer, ScriptedSmtpServer, Trouble


async def test_a_refusal_costs_a_reset_and_no_connection() -> None:
    """After a refused recipient the connection is reset and used for the next email."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        server.next_answers[Stage.RCPT] = ["550 5.1.1 no"]

        handovers = [await send(pool, FIRST, endpoint_of(server)) for _ in range(2)]

    assert handovers == [Handover(Stage.RCPT, Reply(550, "5.1.1 no")), ACCEPTED]
    assert server.connections == 1
    assert server.verbs()[1:4] == ["MAIL", "RCPT", "RSET"]


@pytest.mark.parametrize("answer", ["421 4.4.2 idle too long", Trouble.DROP])
async def test_a_server_that_leaves_at_mail_costs_the_email_nothing(answer: Answer) -> None:
    """A kept connection that ends at MAIL is replaced, and the email goes out once."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        await send(pool, FIRST, endpoint_of(server))
        server.next_answers[Stage.MAIL] = [answer]

        handover = await send(pool, FIRST, endpoint_of(server))

    assert handover == ACCEPTED
    assert (server.connections, len(server.letters)) == (2, 2)


async def test_a_connection_closed_while_idle_is_replaced() -> None:
    """Whether the goodbye is known already or still on its way, the next email goes out."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        await send(pool, FIRST, endpoint_of(server))
        await server.hang_up()
        at_once = await send(pool, FIRST, endpoint_of(server))
        await server.hang_up()
        await asyncio.sleep(0.05)

        later = await send(pool, FIRST, endpoint_of(server))

    assert (at_once, later) == (ACCEPTED, ACCEPTED)
    assert (server.connections, len(server.letters)) == (3, 3)


async def test_a_server_that_said_too_much_is_left() -> None:
    """A second reply to the dot would pass for the answer to the next MAIL: another connection is opened."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        server.next_answers[Stage.DOT] = ["250 2.0.0 queued\r\n250 2.0.0 queued"]

        handovers = [await send(pool, FIRST, endpoint_of(server)) for _ in range(2)]

    assert handovers == [ACCEPTED, ACCEPTED]
    assert (server.connections, len(server.letters)) == (2, 2)


async def test_a_connection_that_fails_to_reset_is_replaced() -> None:
    """RSET that is refused costs the next email a new connection, not an attempt."""
    async with ScriptedSmtpServer({"RSET": "502 5.5.1 no"}) as server, pool_of() as pool:
        server.next_answers[Stage.RCPT] = ["451 4.7.1 later"]
        await send(pool, FIRST, endpoint_of(server))

        handover = await send(pool, FIRST, endpoint_of(server))

    assert (handover, server.connections) == (ACCEPTED, 2)


async def test_a_new_connection_is_not_replaced() -> None:
    """Only a kept connection is given a second one: 421 at MAIL on a new one is the answer."""
    async with ScriptedSmtpServer({Stage.MAIL: "421 4.3.2 closing"}) as server, pool_of() as pool:
        handover = await send(pool, FIRST, endpoint_of(server))

    assert handover == Handover(Stage.MAIL, Reply(421, "4.3.2 closing"))
    assert server.connections == 1


async def test_trouble_later_than_mail_is_never_tried_again() -> None:
    """A kept connection lost after the dot is in doubt: a second delivery would be a second email."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        await send(pool, FIRST, endpoint_of(server))
        server.next_answers[Stage.DOT] = [Trouble.DROP]

        handover = await send(pool, FIRST, endpoint_of(server))

    assert handover == Handover(Stage.DOT, Fault.DROPPED)
    assert (server.connections, len(server.letters)) == (1, 2)
