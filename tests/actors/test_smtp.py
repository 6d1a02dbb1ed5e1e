"""Handing over one email, against servers that answer and misbehave at every stage."""

import asyncio
import gc
import tracemalloc

import pytest

from actors.endpoints import Endpoint
from actors.smtp import Handover
from domain.mailboxes import Security
from domain.replies import Fault, Reply, Stage
from tests.support.handovers import (
    ANSWERS,
    CONTENT,
    IMPATIENCE_S,
    PATIENCE_S,
    RECIPIENT,
    SENDER,
    agree,
    connected,
    deliver,
    opening,
)
from tests.support.smtp_server import Answer, Letter, ScriptedSmtpServer, Trouble

_LETTER = (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT)


@pytest.mark.parametrize("pipelines", [False, True])
@pytest.mark.parametrize("stage", _LETTER)
@pytest.mark.parametrize(("script", "expected"), ANSWERS)
async def test_trouble_with_a_letter_names_its_stage(
    stage: Stage, script: Answer, expected: Reply | Fault, pipelines: bool
) -> None:
    """From MAIL to the dot, the stage and the answer are told, and a letter counts only at the dot."""
    server = ScriptedSmtpServer({stage: script}, pipelines=pipelines)
    async with server, connected(server) as connection:
        patience_s = IMPATIENCE_S if script is Trouble.HANG else PATIENCE_S

        handover = await deliver(connection, timeout_s=patience_s, dot_timeout_s=patience_s)

    assert handover == Handover(stage, expected)
    assert len(server.letters) == (1 if stage is Stage.DOT else 0)


@pytest.mark.parametrize(
    ("trouble", "expected"), [(Trouble.DROP, Fault.DROPPED), (Trouble.HANG, Fault.TIMEOUT)]
)
async def test_a_body_that_nobody_reads_is_not_delivered(trouble: Trouble, expected: Fault) -> None:
    """A server that leaves or stops reading in the middle of the body fails at BODY, and nobody commits."""
    asked: list[bool] = []

    async def note() -> bool:
        asked.append(True)
        return True

    async with ScriptedSmtpServer({Stage.BODY: trouble}) as server, connected(server) as connection:
        handover = await deliver(
            connection, b"a" * 16_000_000, before_dot=note, timeout_s=0.5, dot_timeout_s=PATIENCE_S
        )

    assert handover == Handover(Stage.BODY, expected)
    assert (asked, server.letters) == ([], [])


async def test_a_refusal_in_the_middle_of_the_body_is_heard() -> None:
    """A server that refuses a letter before it has all of it gets no dot, and its answer counts."""
    refusal = "552 5.3.4 too big"
    async with ScriptedSmtpServer({Stage.BODY: refusal}) as server, connected(server) as connection:
        handover = await deliver(connection, b"a" * 16_000_000)

        assert handover == Handover(Stage.BODY, Reply(552, "5.3.4 too big"))
        assert (connection.is_usable, server.letters) == (False, [])


async def test_a_refusal_that_comes_before_the_dot_withholds_it() -> None:
    """Heard while the point of no return is passed, it still counts, and no dot is sent."""
    async with ScriptedSmtpServer({Stage.BODY: "451 4.3.1 full"}) as server, connected(server) as connection:

        async def take_a_while() -> bool:
            await asyncio.sleep(0.1)
            return True

        handover = await deliver(connection, before_dot=take_a_while)

    assert handover == Handover(Stage.BODY, Reply(451, "4.3.1 full"))
    assert server.letters == []


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA])
async def test_a_reply_too_many_does_not_answer_the_dot(stage: Stage) -> None:
    """A 250 that came before the dot, in one packet with another reply, accepts nothing."""
    wanted = "354 go on" if stage is Stage.DATA else "250 2.1.0 ok"
    script: dict[str, Answer] = {stage: f"{wanted}\r\n250 2.0.0 queued", Stage.DOT: "550 5.1.1 no"}
    async with ScriptedSmtpServer(script) as server, connected(server) as connection:
        handover = await deliver(connection)

        assert handover == Handover(stage, Reply(int(wanted[:3]), wanted[4:]))
        assert (connection.is_usable, server.letters) == (False, [])


async def test_an_endless_reply_takes_no_memory() -> None:
    """However often a server floods us, what is kept of it stays small, and nothing of it in the end."""
    before_mail = (Stage.CONNECT, Stage.EHLO, Stage.AUTH)
    stages = (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT)

    async def be_flooded() -> None:
        for stage in before_mail:
            async with ScriptedSmtpServer({stage: Trouble.ENDLESS}, password="secret") as server:
                endpoint = Endpoint("127.0.0.1", server.port, Security.NONE, "me", "secret")
                assert await opening(endpoint) == (stage, Fault.DROPPED)
        for stage in stages:
            async with (
                ScriptedSmtpServer({stage: Trouble.ENDLESS}) as server,
                connected(server) as connection,
            ):
                await deliver(connection)

    await be_flooded()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(5):
            await be_flooded()
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak - before < 2_000_000
    assert after - before < 100_000


async def test_an_email_arrives_as_it_was_written() -> None:
    """Lines that begin with dots arrive unchanged, and one connection carries several emails."""
    async with ScriptedSmtpServer() as server, connected(server) as connection:
        first = await deliver(connection)
        second = await deliver(connection, b".")

    assert first == second == Handover(Stage.DOT, Reply(250, "2.0.0 queued"))
    assert server.letters == [Letter(SENDER, RECIPIENT, CONTENT), Letter(SENDER, RECIPIENT, b".\r\n")]
    assert server.commands[1:3] == [f"MAIL FROM:<{SENDER}> SIZE=39", f"RCPT TO:<{RECIPIENT}>"]
    assert (server.connections, connection.needs_reset) == (1, False)


async def test_every_line_of_a_reply_is_kept() -> None:
    """A reply of several lines is one text; bytes and controls that no database would take are replaced."""
    reply = "550-5.7.1 first\r\n550-5.7.1 se\0cond\r\n550 5.7.1 last"
    async with ScriptedSmtpServer({Stage.DOT: reply}) as server, connected(server) as connection:
        handover = await deliver(connection)

    assert handover == Handover(Stage.DOT, Reply(550, "5.7.1 first\n5.7.1 se cond\n5.7.1 last"))


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DATA, Stage.DOT])
async def test_a_refused_letter_leaves_a_connection_for_the_next(stage: Stage) -> None:
    """After a refusal and RSET the next email goes over the same connection."""
    async with ScriptedSmtpServer() as server, connected(server) as connection:
        server.next_answers[stage] = ["550 5.1.1 no"]
        refused = await deliver(connection)
        needed_reset, is_reset = connection.needs_reset, await connection.reset()

        accepted = await deliver(connection)

    assert refused == Handover(stage, Reply(550, "5.1.1 no"))
    assert accepted == Handover(Stage.DOT, Reply(250, "2.0.0 queued"))
    assert (needed_reset, is_reset, connection.needs_reset, server.connections) == (True, True, False, 1)


@pytest.mark.parametrize("trouble", ["451 4.3.0 no", "421 4.3.2 closing", *Trouble])
async def test_a_connection_that_cannot_be_reset_is_given_up(trouble: Answer) -> None:
    """RSET without a 250 answers False and closes; the next email is not begun on it."""
    async with ScriptedSmtpServer({"RSET": trouble}) as server, connected(server) as connection:
        is_reset = await connection.reset(timeout_s=0.1)

        handover = await deliver(connection)

    assert is_reset is False
    assert handover == Handover(Stage.MAIL, Fault.DROPPED)
    assert "MAIL" not in server.verbs()


async def test_a_server_that_left_while_idle_is_noticed() -> None:
    """Once the server's goodbye has arrived, the connection is known to be gone."""
    async with ScriptedSmtpServer() as server, connected(server) as connection:
        was_usable = connection.is_usable
        await server.hang_up()
        await asyncio.sleep(0.05)

        assert (was_usable, connection.is_usable) == (True, False)


async def test_a_reply_that_refuses_nothing_ends_the_connection() -> None:
    """250 where 354 belongs means that server and client are out of step: it is told, and the line cut."""
    async with ScriptedSmtpServer({Stage.DATA: "250 2.0.0 ok"}) as server, connected(server) as connection:
        handover = await deliver(connection)

        assert handover == Handover(Stage.DATA, Reply(250, "2.0.0 ok"))
        assert connection.is_usable is False


@pytest.mark.parametrize("trouble", ["451 4.3.0 stay", *Trouble])
async def test_trouble_in_quit_undoes_nothing(trouble: Answer) -> None:
    """A server that misbehaves when it is left costs a short wait at most, also when it is left twice."""
    async with ScriptedSmtpServer({"QUIT": trouble}) as server, connected(server) as connection:
        handover = await deliver(connection)

        await connection.quit(timeout_s=0.1)
        await connection.quit(timeout_s=0.1)

    assert handover == Handover(Stage.DOT, Reply(250, "2.0.0 queued"))
    assert connection.is_usable is False


@pytest.mark.parametrize(
    "address",
    [
        "you@example.test\r\nRCPT TO:<other@example.test>",
        "you@example.test\n",
        "you@example.test> SIZE=1",
        "you @example.test",
        "yöu@example.test",
        "you@example.test\0",
        "you",
        "",
    ],
)
async def test_an_address_that_leaves_its_line_is_rejected(address: str) -> None:
    """Neither sender nor recipient may end the command line; nothing is sent and the connection stays."""
    async with ScriptedSmtpServer() as server, connected(server) as connection:
        with pytest.raises(ValueError, match="not an address"):
            await connection.deliver(SENDER, address, CONTENT, before_dot=agree, timeout_s=PATIENCE_S)
        with pytest.raises(ValueError, match="not an address"):
            await connection.deliver(address, RECIPIENT, CONTENT, before_dot=agree, timeout_s=PATIENCE_S)

        assert (server.verbs(), connection.is_usable) == (["EHLO"], True)


@pytest.mark.parametrize("content", [b"a\n.\nb\r\n", b"a\r.\rb\r\n", b"a\r\r\n", "ä\r\n".encode()])
async def test_content_that_servers_read_differently_is_rejected(content: bytes) -> None:
    """Bare CR or LF, with which a dot of the sender could be slipped in, and 8-bit bytes never leave."""
    async with ScriptedSmtpServer() as server, connected(server) as connection:
        with pytest.raises(ValueError, match="content"):
            await deliver(connection, content)

        assert (server.verbs(), connection.is_usable) == (["EHLO"], True)
