"""MAIL, RCPT and DATA in one go (RFC 2920): what is refused is told as if they had gone one by one."""

import pytest

from actors.smtp import Handover
from domain.replies import Reply, Stage
from tests.support.handovers import CONTENT, RECIPIENT, SENDER, connected, deliver
from tests.support.smtp_server import Answer, Letter, ScriptedSmtpServer, Trouble

ACCEPTED = Handover(Stage.DOT, Reply(250, "2.0.0 queued"))
NO = Reply(550, "5.1.1 no")


async def test_an_envelope_is_one_packet() -> None:
    """The server need not have answered MAIL when it reads DATA; the letter waits for its 354."""
    async with ScriptedSmtpServer(pipelines=True) as server, connected(server) as connection:
        handovers = [await deliver(connection), await deliver(connection, b".")]

    assert handovers == [ACCEPTED, ACCEPTED]
    assert server.letters == [Letter(SENDER, RECIPIENT, CONTENT), Letter(SENDER, RECIPIENT, b".\r\n")]
    assert server.verbs() == ["EHLO", *["MAIL", "RCPT", "DATA"] * 2]


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA])
async def test_a_refusal_leaves_the_connection_in_step(stage: Stage) -> None:
    """The replies behind it are heard out, so that none of them answers the next letter."""
    async with ScriptedSmtpServer(pipelines=True) as server, connected(server) as connection:
        server.next_answers[stage] = ["550 5.1.1 no"]

        refused = await deliver(connection)
        in_step = connection.is_usable and await connection.reset()
        accepted = await deliver(connection)

    assert (refused, in_step, accepted) == (Handover(stage, NO), True, ACCEPTED)
    assert (server.connections, len(server.letters)) == (1, 1)


async def test_a_letter_wanted_without_a_recipient_is_a_lone_dot() -> None:
    """RFC 2920 §3.1: the 354 is answered, nothing of the letter is told, and it counts as refused."""
    asked: list[bool] = []

    async def note() -> bool:
        asked.append(True)
        return True

    server = ScriptedSmtpServer(pipelines=True, is_careless=True)
    async with server, connected(server) as connection:
        server.next_answers[Stage.RCPT] = ["550 5.1.1 no"]
        server.next_answers[Stage.DOT] = ["554 5.5.1 no valid recipients"]

        handover = await deliver(connection, before_dot=note)

        assert (handover, connection.needs_reset) == (Handover(Stage.RCPT, NO), True)
        assert await connection.reset()
    assert (server.letters, server.accepted, asked) == ([Letter(SENDER, "", b"")], [], [])


async def test_a_letter_wanted_without_a_sender_ends_the_connection() -> None:
    """Such a server may have taken the recipient, so it gets no dot."""
    server = ScriptedSmtpServer({Stage.MAIL: "550 5.1.1 no"}, pipelines=True, is_careless=True)
    async with server, connected(server) as connection:
        handover = await deliver(connection)

        assert (handover, connection.is_usable) == (Handover(Stage.MAIL, NO), False)
    assert server.letters == []


@pytest.mark.parametrize("trouble", [Trouble.DROP, Trouble.GARBAGE, "421 4.3.2 closing"])
async def test_trouble_behind_a_refusal_does_not_hide_it(trouble: Trouble | str) -> None:
    """The refused recipient is the news; the connection is not used again."""
    server = ScriptedSmtpServer(
        {Stage.RCPT: "550 5.1.1 no", Stage.DATA: trouble}, pipelines=True, is_careless=True
    )
    async with server, connected(server) as connection:
        handover = await deliver(connection)

        assert (handover, connection.is_usable) == (Handover(Stage.RCPT, NO), False)


async def test_a_reply_too_many_accepts_nothing() -> None:
    """Whichever command it seems to answer, the server is out of step: no letter goes to it."""
    answers: dict[str, Answer] = {Stage.MAIL: "250-2.1.0 first\r\n250 2.1.0 ok\r\n250 2.1.5 too early"}
    async with ScriptedSmtpServer(answers, pipelines=True) as server, connected(server) as connection:
        handover = await deliver(connection)

        assert handover.stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)
        assert (connection.is_usable, server.letters) == (False, [])
