"""Keeping connections: how many, for whom and how long."""

import asyncio

import pytest

from actors.smtp import Handover
from domain.replies import Fault, Reply, Stage
from tests.support.handovers import PATIENCE_S
from tests.support.pools import ACCEPTED, FIRST, SECOND, THIRD, endpoint_of, pool_of, send, under_way
from tests.support.smtp_server import ScriptedSmtpServer, Trouble


async def test_a_mailbox_keeps_its_connection() -> None:
    """Emails one after another share one connection and one login."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        endpoint = endpoint_of(server, username="me", password="secret")

        handovers = [await send(pool, FIRST, endpoint) for _ in range(3)]

    assert handovers == [ACCEPTED] * 3
    assert (server.connections, len(server.letters)) == (1, 3)
    assert server.verbs().count("AUTH") == 1
    assert server.verbs()[-1] == "QUIT"


async def test_emails_at_once_share_a_connection_that_comes_back() -> None:
    """Eight of one mailbox that are quick go over one connection, and cost one login."""
    async with ScriptedSmtpServer() as server, pool_of(comes_back_s=PATIENCE_S) as pool:
        endpoint = endpoint_of(server, username="me", password="secret")

        handovers = await asyncio.gather(*(send(pool, FIRST, endpoint) for _ in range(8)))

        assert handovers == [ACCEPTED] * 8
        assert (server.connections, server.verbs().count("AUTH"), pool.idle_count) == (1, 1, 1)


async def test_a_mailbox_opens_no_more_than_its_limit() -> None:
    """What is not quick gets a second connection, and no third; both are kept for those that wait."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        endpoint = endpoint_of(server)
        async with under_way(pool, FIRST, endpoint), under_way(pool, FIRST, endpoint):
            waiting = [asyncio.create_task(send(pool, FIRST, endpoint)) for _ in range(6)]
            await asyncio.sleep(0.05)
            opened = server.connections
        handovers = await asyncio.gather(*waiting)

        assert handovers == [ACCEPTED] * 6
        assert (opened, server.connections, pool.idle_count) == (2, 2, 2)


async def test_a_connection_that_does_not_come_back_whole_is_replaced_at_once() -> None:
    """Whoever waited for it waits no longer when the letter before took it down."""
    async with ScriptedSmtpServer() as server, pool_of(comes_back_s=PATIENCE_S) as pool:
        server.next_answers[Stage.MAIL] = [Trouble.DROP]
        endpoint = endpoint_of(server)
        begun = asyncio.get_running_loop().time()

        handovers = await asyncio.gather(*(send(pool, FIRST, endpoint) for _ in range(2)))

    assert handovers == [Handover(Stage.MAIL, Fault.DROPPED), ACCEPTED]
    assert asyncio.get_running_loop().time() - begun < PATIENCE_S / 2


async def test_mailboxes_share_the_total() -> None:
    """Of three mailboxes with work at once only two are connected at a time, and all get through."""
    async with ScriptedSmtpServer() as server, pool_of(total=2) as pool:
        endpoint = endpoint_of(server)

        handovers = await asyncio.gather(*(send(pool, who, endpoint) for who in (FIRST, SECOND, THIRD) * 3))

    assert handovers == [ACCEPTED] * 9
    assert server.most_open == 2


async def test_the_longest_idle_connection_gives_way() -> None:
    """At the total, a new mailbox takes the place of the one that was not used for longest."""
    async with ScriptedSmtpServer() as server, pool_of(total=2) as pool:
        endpoint = endpoint_of(server)
        for who in (FIRST, SECOND, THIRD, SECOND):
            assert await send(pool, who, endpoint) == ACCEPTED
        before = server.connections

        await send(pool, FIRST, endpoint)

    assert (before, server.connections, server.most_open) == (3, 4, 2)


async def test_waiters_of_one_mailbox_hold_up_no_other() -> None:
    """Turns in the total are taken only when the mailbox itself has one free."""
    async with ScriptedSmtpServer() as server, pool_of(total=3) as pool:
        endpoint = endpoint_of(server)
        async with under_way(pool, FIRST, endpoint), under_way(pool, FIRST, endpoint):
            waiting = [asyncio.create_task(send(pool, FIRST, endpoint)) for _ in range(3)]
            await asyncio.sleep(0)

            other = await send(pool, SECOND, endpoint)

            assert not any(task.done() for task in waiting)
        handovers = await asyncio.gather(*waiting)

    assert (other, handovers) == (ACCEPTED, [ACCEPTED] * 3)


async def test_a_turn_that_does_not_come_in_time_is_trouble_with_the_host() -> None:
    """Whoever has the connections waits for it; they are lent out again when they are given back."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        endpoint = endpoint_of(server)
        async with under_way(pool, FIRST, endpoint), under_way(pool, FIRST, endpoint):
            waited = await send(pool, FIRST, endpoint, timeout_s=0.02)
        after = await send(pool, FIRST, endpoint)

    assert (waited, after) == (Handover(Stage.CONNECT, Fault.TIMEOUT), ACCEPTED)


async def test_idle_connections_are_closed_in_time() -> None:
    """What nobody uses takes leave after idle_s, and the pool forgets the mailbox."""
    async with ScriptedSmtpServer() as server, pool_of(idle_s=0.05) as pool:
        await send(pool, FIRST, endpoint_of(server))
        kept = pool.idle_count

        await server.all_gone()

        assert (kept, pool.idle_count) == (1, 0)
        assert server.verbs()[-1] == "QUIT"
        assert await send(pool, FIRST, endpoint_of(server)) == ACCEPTED
        assert server.connections == 2


async def test_new_credentials_end_the_kept_connections() -> None:
    """After a change of password nothing goes over a connection that the old one opened."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        await send(pool, FIRST, endpoint_of(server, username="me", password="old"))

        handover = await send(pool, FIRST, endpoint_of(server, username="me", password="new"))

        assert (handover, pool.idle_count) == (ACCEPTED, 1)
        assert (server.connections, server.verbs().count("AUTH")) == (2, 2)
        assert server.verbs()[5:7] == ["QUIT", "EHLO"]


async def test_a_connection_borrowed_under_the_old_password_is_not_kept() -> None:
    """Given back after the change, it closes, too."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        old = endpoint_of(server, username="me", password="old")
        async with under_way(pool, FIRST, old):
            await send(pool, FIRST, endpoint_of(server, username="me", password="new"))

        assert (server.connections, pool.idle_count) == (2, 1)


async def test_a_connection_that_does_not_come_about_is_an_outcome() -> None:
    """A refused login is handed back like any answer, and the turn is free again."""
    async with ScriptedSmtpServer(password="right") as server, pool_of(total=1) as pool:
        wrong = endpoint_of(server, username="me", password="wrong")

        handovers = [await send(pool, FIRST, wrong) for _ in range(3)]

        assert handovers == [Handover(Stage.AUTH, Reply(535, "5.7.8 bad credentials"))] * 3
        assert pool.idle_count == 0


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.RCPT])
async def test_an_email_has_its_deadline(stage: Stage) -> None:
    """A server that falls silent costs timeout_s, whether it is still connecting or at the letter."""
    async with ScriptedSmtpServer({stage: Trouble.HANG}) as server, pool_of() as pool:
        begun = asyncio.get_running_loop().time()

        handover = await send(pool, FIRST, endpoint_of(server), timeout_s=0.2)

        assert handover == Handover(stage, Fault.TIMEOUT)
        assert asyncio.get_running_loop().time() - begun < PATIENCE_S / 2


@pytest.mark.parametrize("answer", [Trouble.HANG, Trouble.DRIBBLE])
async def test_making_room_is_part_of_the_deadline(answer: Trouble) -> None:
    """A server that is slow to let go, and a reset that hangs, take their time from the email's own."""
    async with ScriptedSmtpServer({"QUIT": answer, "RSET": answer}) as server, pool_of(total=1) as pool:
        server.next_answers[Stage.RCPT] = ["451 4.7.1 later"]
        await send(pool, FIRST, endpoint_of(server))
        begun = asyncio.get_running_loop().time()

        reset = await send(pool, FIRST, endpoint_of(server), timeout_s=0.2)
        await send(pool, FIRST, endpoint_of(server))
        made_room = await send(pool, SECOND, endpoint_of(server), timeout_s=0.2)

    assert (reset, made_room) == (Handover(Stage.CONNECT, Fault.TIMEOUT),) * 2
    assert asyncio.get_running_loop().time() - begun < 1.0


async def test_a_closed_pool_lends_nothing_and_keeps_nothing() -> None:
    """aclose takes leave of idle connections; a borrowed one closes when it comes back."""
    async with ScriptedSmtpServer() as server, pool_of() as pool:
        async with under_way(pool, FIRST, endpoint_of(server)) as sending:
            await send(pool, SECOND, endpoint_of(server))
            await pool.aclose()
            after_close = server.verbs()[-1]
        handover = await sending

        await server.all_gone()
        with pytest.raises(RuntimeError, match="closed"):
            await send(pool, FIRST, endpoint_of(server))

    assert (after_close, handover, pool.idle_count) == ("QUIT", ACCEPTED, 0)


async def test_leaving_a_server_that_hangs_does_not_take_long() -> None:
    """QUIT without an answer costs aclose its timeout at most, once for all connections."""
    async with ScriptedSmtpServer({"QUIT": Trouble.HANG}) as server, pool_of() as pool:
        for who in (FIRST, SECOND, THIRD):
            await send(pool, who, endpoint_of(server))
        begun = asyncio.get_running_loop().time()

        await pool.aclose(timeout_s=0.5)

        assert asyncio.get_running_loop().time() - begun < 1.2
        assert pool.idle_count == 0
