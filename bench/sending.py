"""Installations that are warm, and what it takes them to send so many emails."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.installation import MARKING, Installation, installation
from bench.mailing import Mailing, make_mailing, send_all


@dataclass(frozen=True, slots=True)
class Servers:
    """What an installation works on: a superuser's database that it may empty, and a virtual host."""

    database_url: str
    amqp_url: str


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds from due to sent, and the CPU seconds of our processes meanwhile."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Office:
    """An installation at work on a mailing."""

    servers: Servers
    mailing: Mailing
    installation: Installation

    def send(self, emails: int, *, within_s: float) -> Run:
        before = self.installation.cpu_s()
        seconds = send_all(self.servers.database_url, self.mailing, emails=emails, within_s=within_s)
        return Run(seconds, self.installation.cpu_s() - before)


@contextmanager
def office(
    servers: Servers, *, port: int, mailboxes: int, connections: int, entry: str = MARKING
) -> Iterator[Office]:
    """An installation of two worker processes that is warm: each mailbox has sent, and has connections."""
    mailing = make_mailing(servers.database_url, mailboxes=mailboxes, port=port)
    with (
        TemporaryDirectory(prefix="drumbeat-bench-") as directory,
        installation(
            Path(directory),
            database_url=servers.database_url,
            amqp_url=servers.amqp_url,
            entry=entry,
            connections=connections,
        ) as running,
    ):
        opened = Office(servers, mailing, running)
        opened.send(4 * mailboxes, within_s=120)
        yield opened
