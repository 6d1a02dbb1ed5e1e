"""Opening a connection: stages, encryption, certificates and logins."""

import asyncio
import socket
from ipaddress import ip_network

import pytest

from actors.endpoints import Endpoint, Undelivered, connect
from domain.mailboxes import Security
from domain.replies import Fault, Reply, Stage
from tests.support.certificates import Certificate, self_signed
from tests.support.handovers import (
    ANSWERS,
    IMPATIENCE_S,
    LOOPBACK,
    PATIENCE_S,
    opening,
)
from tests.support.smtp_server import Answer, ScriptedSmtpServer, Trouble


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.EHLO, Stage.STARTTLS, Stage.AUTH])
@pytest.mark.parametrize(("script", "expected"), ANSWERS)
async def test_trouble_while_opening_names_its_stage(
    certificate: Certificate, stage: Stage, script: Answer, expected: Reply | Fault
) -> None:
    """What a server does before MAIL is told with the stage it happened at, and no password follows it."""
    async with ScriptedSmtpServer({stage: script}, tls_context=certificate.server) as server:
        endpoint = Endpoint("127.0.0.1", server.port, Security.STARTTLS, "me", "secret")
        timeout_s = IMPATIENCE_S if script is Trouble.HANG else PATIENCE_S

        with pytest.raises(Undelivered) as failure:
            await connect(endpoint, allow=LOOPBACK, timeout_s=timeout_s, tls_context=certificate.trusting)

    assert (failure.value.stage, failure.value.answer) == (stage, expected)
    assert ("AUTH" in server.verbs()) is (stage is Stage.AUTH)


async def test_a_wrong_password_is_tried_once() -> None:
    """The server's refusal is told as it came, after one attempt: more would lock the mailbox."""
    async with ScriptedSmtpServer(password="right") as server:
        failure = await opening(Endpoint("127.0.0.1", server.port, Security.NONE, "me", "wrong"))

    assert failure == (Stage.AUTH, Reply(535, "5.7.8 bad credentials"))
    assert server.verbs() == ["EHLO", "AUTH"]


async def test_a_mechanism_that_was_only_offered_gives_way_to_the_next() -> None:
    """504 says nothing about the password, so LOGIN follows PLAIN."""
    async with ScriptedSmtpServer(password="secret") as server:
        server.next_answers[Stage.AUTH] = ["504 5.5.4 unknown mechanism"]

        failure = await opening(Endpoint("127.0.0.1", server.port, Security.NONE, "me", "secret"))

    assert failure is None
    assert server.verbs() == ["EHLO", "AUTH", "AUTH", "QUIT"]


@pytest.mark.parametrize("mechanisms", ["", "XOAUTH2 GSSAPI"])
async def test_a_server_without_a_login_we_know_is_told(mechanisms: str) -> None:
    """No AUTH at all, or mechanisms for other kinds of secrets only."""
    async with ScriptedSmtpServer(mechanisms=mechanisms) as server:
        failure = await opening(Endpoint("127.0.0.1", server.port, Security.NONE, "me", "secret"))

    assert failure == (Stage.AUTH, Fault.AUTH_UNAVAILABLE)
    assert server.verbs() == ["EHLO"]


async def test_nobody_listening_and_no_such_host_are_told_apart() -> None:
    """A closed port is refused, an impossible name is a matter of DNS."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        closed = await opening(Endpoint("127.0.0.1", unused.getsockname()[1], Security.NONE))
        unknown = await opening(Endpoint("a" * 64 + ".test", 25, Security.STARTTLS))

    assert (closed, unknown) == ((Stage.CONNECT, Fault.REFUSED), (Stage.CONNECT, Fault.DNS))


async def test_an_inner_host_is_not_even_tried() -> None:
    """Without an operator's permission no connection to loopback is begun."""
    async with ScriptedSmtpServer() as server:
        failure = await opening(Endpoint("127.0.0.1", server.port, Security.NONE), allow=[])

    assert failure == (Stage.CONNECT, Fault.BLOCKED_HOST)
    assert server.connections == 0


async def test_plain_text_is_for_loopback_only() -> None:
    """Even where an operator opened a network, a mailbox without encryption may only use loopback."""
    relay = Endpoint("192.0.2.25", 25, Security.NONE)

    failure = await opening(relay, allow=[ip_network("192.0.2.0/24")])

    assert failure == (Stage.CONNECT, Fault.BLOCKED_HOST)


async def test_the_next_address_is_tried_and_the_name_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first address refuses, the second is used; only addresses of the one checked answer are."""
    asked: list[object] = []

    def answer(host: object, port: object, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

    async with ScriptedSmtpServer() as server:
        monkeypatch.setattr(socket, "getaddrinfo", answer)

        failure = await opening(Endpoint("two.test", server.port, Security.NONE))

    assert (failure, asked, server.connections) == (None, ["two.test"], 1)


async def test_a_cancelled_opening_closes_its_socket() -> None:
    """A task cancelled while the server keeps it waiting leaves no connection behind."""
    has_met, has_parted = asyncio.Event(), asyncio.Event()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        has_met.set()
        await reader.read()
        has_parted.set()
        writer.close()

    async with asyncio.timeout(PATIENCE_S), await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        attempt = asyncio.create_task(opening(Endpoint("127.0.0.1", port, Security.NONE)))
        await has_met.wait()
        attempt.cancel()
        await has_parted.wait()

    assert attempt.cancelled()


def test_a_password_is_not_shown() -> None:
    """An endpoint in a log or a traceback keeps its secret."""
    endpoint = Endpoint("mail.example.com", 587, Security.STARTTLS, "me", "hunter2")

    assert "hunter2" not in repr(endpoint)
