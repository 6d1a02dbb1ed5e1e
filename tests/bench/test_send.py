"""The benchmark of sending: it runs, does what it measures, and says so in its lines."""

import json
import shutil
import smtplib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter

import psycopg
import pytest

from bench.bullmq import RedisMissing, bullmq
from bench.figures import Figure, Measured, Missing, Reach, Rounds, Work
from bench.mailing import make_mailing, send_all
from bench.receiver import Postfix, PostfixMissing, Receiver, Source, postfix
from bench.send import (
    BULLMQ,
    CLAIM,
    CPU,
    CROWDED,
    GROWTH,
    LARGE,
    MEMORY,
    PAST,
    PROTOCOL,
    RATE,
    SLOW,
    measure_dispatcher,
    measure_memory,
    measure_round,
    measure_slow,
)
from bench.sending import Servers
from bench.timetable_checks import WrongResult
from tests.bench.threads import serving
from tests.support.rabbitmq import Vhost
from tests.support.smtp_server import ScriptedSmtpServer

pytestmark = pytest.mark.processes

_MAILBOXES = 5
_ADDRESSES = ("sender@example.com", "contact@example.test")


@pytest.fixture
def servers(database: str, vhost: Vhost) -> Servers:
    return Servers(database, vhost.amqp_url)


class OwnReceiver:
    """A receiver for machines without Postfix."""

    @contextmanager
    def listening(self, *, delay_s: int = 0) -> Iterator[int]:
        @asynccontextmanager
        async def server() -> AsyncIterator[int]:
            async with ScriptedSmtpServer(pipelines=True) as scripted:
                yield scripted.port

        with serving(server) as port:
            yield port

    def source(self, port: int, *, emails: int) -> Source:
        began = perf_counter()
        with smtplib.SMTP("127.0.0.1", port) as client:
            for _ in range(emails):
                client.sendmail(*_ADDRESSES, "Subject: Hi\r\n\r\nHello")
        seconds = perf_counter() - began
        return Source(emails / seconds, seconds * 1000 / emails)


def receiver() -> Receiver:
    """The real one where there is one."""
    return Postfix() if shutil.which("smtp-sink", path="/usr/sbin:/usr/bin") else OwnReceiver()


def test_every_work_has_a_figure(servers: Servers) -> None:
    """With a floor of its own, and after every email was sent."""
    rounds: Rounds = {}
    measure_round(servers, receiver(), rounds, emails=20, mailboxes=_MAILBOXES)
    measure_slow(servers, receiver(), rounds, emails=20, mailboxes=_MAILBOXES)
    measure_memory(servers, receiver(), rounds, emails=20, growth=2, mailboxes=_MAILBOXES)

    peer = [BULLMQ] if shutil.which("redis-server") else []
    assert list(rounds) == [RATE, CPU, PROTOCOL, *peer, SLOW, MEMORY, GROWTH]
    assert all(each.value > 0 and each.floor > 0 for (each,) in rounds.values())
    memory = json.loads(Figure(MEMORY, rounds[MEMORY]).line())
    assert (memory["unit"], memory["reach"]) == ("MB", "<= 150 MB")
    assert 20 < memory["floor"] <= memory["value"]


async def test_claims_have_figures(database: str) -> None:
    """From a small table and a larger one, and past what nobody may claim."""
    rounds: Rounds = {}

    await measure_dispatcher(database, rounds, mailboxes=20, small=2_000, large=4_000, overdue=100)

    assert list(rounds) == [CLAIM, PAST, CROWDED, LARGE]
    assert all(each.value > 0 and each.floor > 0 for (each,) in rounds.values())


def test_an_email_that_is_not_sent_spoils_the_figure(database: str) -> None:
    """Nobody works here: the figure would be that of a sender that sends nothing."""
    mailing = make_mailing(database, mailboxes=1, port=25)

    with pytest.raises(WrongResult, match=r"3 of 3 emails are not sent after 0\.1 s"):
        send_all(database, mailing, emails=3, within_s=0.1)


def test_what_is_missing_is_said_with_the_way_to_get_it() -> None:
    """The programs are Postfix's, and few have them."""
    with pytest.raises(PostfixMissing, match="smtp-drain is missing, it comes with Postfix: apt-get install"):
        postfix("smtp-drain")


def test_without_redis_a_line_says_so_and_is_not_met(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was started, nothing is left behind; a figure that is not measured has no value."""
    monkeypatch.setenv("PATH", "")

    with (
        pytest.raises(RedisMissing, match="apt-get install redis-server") as missing,
        bullmq(database, port=25),
    ):
        pass

    line = json.loads(Missing(BULLMQ, str(missing.value)).line())
    assert (line["value"], line["met"], line["reach"]) == (None, False, ">= 4 x floor")
    assert line["missing"] == "redis-server is missing: apt-get install redis-server"
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT to_regnamespace('peer')").fetchone() == (None,)


def test_a_rate_has_to_reach_a_part_of_its_floor() -> None:
    """The more, the better."""
    work = Work("sending", "emails/s", Reach(0.2, at_least=True))

    assert work.reach.says(work.unit) == ">= 0.2 x floor"
    assert Figure(work, [Measured(200, 1_000)]).met
    assert not Figure(work, [Measured(199, 1_000)]).met
