"""`make bench-send`: what sending costs, as a ratio to smtp-source into the same sink in the same run."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.embedded_postgres import start_postgres
from bench.bullmq import RedisMissing, bullmq, find_redis
from bench.claiming import measure_claims
from bench.figures import Missing, Reach, Rounds, Work, figures_of, note, report
from bench.installation import UNMARKED
from bench.receiver import Postfix, PostfixMissing, Receiver
from bench.sending import Office, Run, Servers, office
from persistence.migrations import migrate
from tests.support.apt import ProgramMissing
from tests.support.rabbitmq_node import RabbitMQNode

RATE = Work("enqueued to sent", "emails/s", Reach(0.2, at_least=True))
CPU = Work("CPU of our processes per 1,000 emails", "s", Reach(more=0.5))
PROTOCOL = Work("with the mark before the dot, beside without", "s", Reach(1.15))
SLOW = Work("into a receiver that takes a second per email", "emails/s", Reach(more=400, at_least=True))
MEMORY = Work("memory of a worker process", "MB", Reach(more=150))
GROWTH = Work("memory of a worker process, after many more emails", "MB", Reach(1, more=10))
CLAIM = Work("claim, 500 at a time", "rows/s", Reach(more=40_000, at_least=True))
LARGE = Work("claim, from a large table", "rows/s", Reach(0.8, at_least=True))
CROWDED = Work("claim, from a table with ten times as many due", "rows/s", Reach(0.8, at_least=True))
PAST = Work("claim, past overdue emails of blocked mailboxes", "rows/s", Reach(0.8, at_least=True))

BULLMQ = Work("beside BullMQ, nodemailer and PostgreSQL, tuned", "emails/s", Reach(4, at_least=True))

_MAILBOXES = 500
# So many may be under way, two for each mailbox, with each of two processes.
_CONNECTIONS = 1_000
_SMALL_TABLE = 50_000
# A run of some seconds is at the mercy of what else the machine does: the median of so many counts.
_RUNS = 3
# smtp-source sends 5,000 in a fraction of a second.
_SOURCE_TIMES = 4
_WITHIN_S = 240.0


def measure_round(
    servers: Servers, receiver: Receiver, rounds: Rounds, *, emails: int, mailboxes: int
) -> None:
    """Measure sending once: by smtp-source, by us, by us without marking, and by BullMQ where Redis is."""
    with receiver.listening() as port:
        source = receiver.source(port, emails=_SOURCE_TIMES * emails)
        with office(servers, port=port, mailboxes=mailboxes, connections=_CONNECTIONS) as marking:
            run = _median_run(marking, emails)
        note(rounds, RATE, emails / run.seconds, source.rate)
        note(rounds, CPU, run.cpu_s * 1000 / emails, source.cpu_s)
        with office(
            servers, port=port, mailboxes=mailboxes, connections=_CONNECTIONS, entry=UNMARKED
        ) as unmarked:
            note(rounds, PROTOCOL, run.seconds, _median_run(unmarked, emails).seconds)
        with suppress(RedisMissing), bullmq(servers.database_url, port=port) as peer:
            peer.send(emails, within_s=_WITHIN_S)
            seconds = sorted(peer.send(emails, within_s=_WITHIN_S) for _ in range(_RUNS))
            note(rounds, BULLMQ, emails / run.seconds, emails / seconds[_RUNS // 2])


def _median_run(opened: Office, emails: int) -> Run:
    runs = [opened.send(emails, within_s=_WITHIN_S) for _ in range(_RUNS)]
    return sorted(runs, key=lambda run: run.seconds)[_RUNS // 2]


def measure_slow(
    servers: Servers, receiver: Receiver, rounds: Rounds, *, emails: int, mailboxes: int
) -> None:
    """Measure sending to a slow receiver; the floor is as many a second as may be under way."""
    with (
        receiver.listening(delay_s=1) as port,
        office(servers, port=port, mailboxes=mailboxes, connections=_CONNECTIONS) as opened,
    ):
        run = opened.send(emails, within_s=_WITHIN_S)
    note(rounds, SLOW, emails / run.seconds, 2.0 * mailboxes)


def measure_memory(
    servers: Servers, receiver: Receiver, rounds: Rounds, *, emails: int, growth: int, mailboxes: int
) -> None:
    """Measure what a worker process has at most, and after *growth* times as many emails."""
    with (
        receiver.listening() as port,
        office(servers, port=port, mailboxes=mailboxes, connections=_CONNECTIONS) as opened,
    ):
        before = opened.installation.peaks_mb()[0]
        opened.send(emails, within_s=_WITHIN_S)
        peak = opened.installation.peaks_mb()[0]
        note(rounds, MEMORY, peak, before)
        for _ in range(growth - 1):
            opened.send(emails, within_s=_WITHIN_S)
        note(rounds, GROWTH, opened.installation.peaks_mb()[0], peak)


async def measure_dispatcher(
    url: str, rounds: Rounds, *, mailboxes: int, small: int, large: int, overdue: int
) -> None:
    """
    Measure claims from a *small* table, past *overdue* emails, and from a *large* table.

    A tenth of the small one is due. As many are due in the large one, and ten times as many in another.
    """
    due = small // 10
    first = await measure_claims(url, mailboxes=mailboxes, rows=small, due=due)
    note(rounds, CLAIM, first.rate, first.bare)
    past = await measure_claims(url, mailboxes=mailboxes, rows=small, due=due, overdue=overdue)
    note(rounds, PAST, past.rate, first.rate)
    crowded = await measure_claims(url, mailboxes=mailboxes, rows=10 * small, due=10 * due)
    note(rounds, CROWDED, crowded.rate, first.rate)
    most = await measure_claims(url, mailboxes=mailboxes, rows=large, due=due)
    note(rounds, LARGE, most.rate, first.rate)


@contextmanager
def _servers() -> Iterator[Servers]:
    """A PostgreSQL and a RabbitMQ of our own, as durable as real ones, and empty."""
    with tempfile.TemporaryDirectory(prefix="drumbeat-bench-", ignore_cleanup_errors=True) as directory:
        (Path(directory) / "rabbitmq").mkdir()
        postgres = start_postgres(Path(directory) / "postgres", durable=True)
        try:
            migrate(postgres.url)
            rabbitmq = RabbitMQNode(Path(directory) / "rabbitmq")
            try:
                yield Servers(postgres.url, f"{rabbitmq.amqp_url}/")
            finally:
                rabbitmq.kill()
        finally:
            postgres.stop()


def _missing() -> Sequence[Missing]:
    """What could not be measured here."""
    try:
        find_redis()
    except RedisMissing as missing:
        return [Missing(BULLMQ, str(missing))]
    return []


class Part(StrEnum):
    """What can be measured by itself; all of it takes half an hour."""

    RATE = "rate"
    SLOW = "slow"
    MEMORY = "memory"
    CLAIMS = "claims"


def main(
    part: Annotated[list[Part] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    emails: Annotated[int, typer.Option(min=1, help="Emails of a run.")] = 5_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often rate and claims are measured.")] = 3,
    growth: Annotated[int, typer.Option(min=1, help="Times 10,000 emails that memory is watched.")] = 10,
    rows: Annotated[int, typer.Option(min=50_000, help="Rows of the large table of the claims.")] = 2_000_000,
) -> None:
    """Write a line of JSON per figure to standard output, and a table to standard error."""
    measured: Rounds = {}
    parts = part or list(Part)
    try:
        receiver = Postfix()
        with _servers() as servers:
            if Part.RATE in parts:
                for _ in range(rounds):
                    measure_round(servers, receiver, measured, emails=emails, mailboxes=_MAILBOXES)
            if Part.SLOW in parts:
                measure_slow(servers, receiver, measured, emails=2 * emails, mailboxes=_MAILBOXES)
            if Part.MEMORY in parts:
                measure_memory(
                    servers, receiver, measured, emails=10_000, growth=growth, mailboxes=_MAILBOXES
                )
            if Part.CLAIMS in parts:
                for _ in range(rounds):
                    asyncio.run(
                        measure_dispatcher(
                            servers.database_url,
                            measured,
                            mailboxes=_MAILBOXES,
                            small=_SMALL_TABLE,
                            large=rows,
                            overdue=2 * _SMALL_TABLE,
                        )
                    )
    except (PostfixMissing, ProgramMissing) as missing:
        sys.exit(str(missing))
    title = f"Sending {emails:,} emails, {_MAILBOXES} mailboxes, {rounds} rounds"
    report(figures_of(measured), title=title, width=130, missing=_missing() if Part.RATE in parts else ())


if __name__ == "__main__":
    typer.run(main)
