"""BullMQ with nodemailer and PostgreSQL, tuned: what sending is measured beside, without its promises."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import IO

import psycopg
from psycopg.types.json import Jsonb

from bench.answering import free_port
from bench.campaign import settle
from bench.mailing import HTML, OFFER, SUBJECT, TEXT
from bench.planning_process import ROOT
from bench.receiver import wait_for
from bench.timetable_checks import WrongResult
from persistence.database import libpq_url
from tests.support.node import node

# As fast as any on two cores, of one to three processes with 25 to 100 emails under way each.
_PROCESSES = 2
_CONCURRENCY = 50
_LOOK_EVERY_S = 0.05
_STOPPED_WITHIN_S = 10.0

_TABLES = """
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
CREATE TABLE peer.templates (subject text, body_text text, body_html text);
CREATE TABLE peer.emails (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sender text NOT NULL, recipient text NOT NULL,
    fields jsonb NOT NULL, status text NOT NULL DEFAULT 'PENDING', message_id text, sent_at timestamptz
) WITH (fillfactor = 70);
"""
_ENROLL = """
INSERT INTO peer.emails (sender, recipient, fields)
SELECT 'sender-' || mod(n, 500) || '@example.com', gen_random_uuid() || '@example.test',
    %s || jsonb_build_object('company', 'Weiß & Söhne ' || n, 'custom.offer', replace(%s, '{{n}}', n::text))
FROM generate_series(1, %s) AS n
"""
_FIELDS = {
    "first_name": "Jörg",
    "sender.name": "Ada Müller",
    "unsubscribe_url": "http://localhost:8000/u/" + "a" * 150,
}


class RedisMissing(Exception):
    """BullMQ needs redis-server; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Workers that wait for emails, and the one that queues all that are pending."""

    url: str
    enqueuer: "subprocess.Popen[bytes]"

    def send(self, emails: int, *, within_s: float) -> float:
        """
        Seconds from telling it to queue *emails* to the last of them SENT.

        Raises:
            WrongResult: One did not get there in *within_s*.
        """
        with psycopg.connect(libpq_url(self.url), autocommit=True) as conn:
            conn.execute(_ENROLL, [Jsonb(_FIELDS), OFFER, emails])
            began = perf_counter()
            _tell(self.enqueuer)
            while _is_any_pending(conn):
                if perf_counter() - began > within_s:
                    raise WrongResult(f"BullMQ did not send {emails} emails in {within_s} s")
                sleep(_LOOK_EVERY_S)
            seconds = perf_counter() - began
        settle(self.url)
        return seconds


@contextmanager
def bullmq(url: str, *, port: int) -> Iterator[Peer]:
    """
    Start it on a Redis of its own and on the database of *url*, a superuser's; *port* is the receiver's.

    Raises:
        RedisMissing: redis-server is not installed.
    """
    find_redis()
    with psycopg.connect(libpq_url(url)) as conn:
        conn.execute(_TABLES)
        conn.execute("INSERT INTO peer.templates VALUES (%s, %s, %s)", [SUBJECT, TEXT, HTML])
    with TemporaryDirectory(prefix="drumbeat-bench-") as directory, ExitStack() as running:
        redis = running.enter_context(_redis(Path(directory)))
        workers = [
            running.enter_context(_started(["work", redis, url, str(port), str(_CONCURRENCY)]))
            for _ in range(_PROCESSES)
        ]
        enqueuer = running.enter_context(_started(["enqueue", redis, url]))
        for each in (*workers, enqueuer):
            _await_ready(each)
        yield Peer(url, enqueuer)
    with psycopg.connect(libpq_url(url)) as conn:
        conn.execute("DROP SCHEMA peer CASCADE")


def find_redis() -> str:
    """
    Where redis-server is.

    Raises:
        RedisMissing: It is not installed.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise RedisMissing("redis-server is missing: apt-get install redis-server")
    return program


@contextmanager
def _redis(directory: Path) -> Iterator[str]:
    """The port of a Redis that keeps what it has, at most a second late, as is usual with BullMQ."""
    program, port = find_redis(), free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""]
    options += ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        wait_for(port, "redis-server")
        yield str(port)
    finally:
        process.terminate()
        process.wait(_STOPPED_WITHIN_S)


@contextmanager
def _started(arguments: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        node("bullmq.js", *arguments, project=ROOT / "bench/peers"),
        env=os.environ | {"NODE_ENV": "production"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(_STOPPED_WITHIN_S)
        for stream in (process.stdin, process.stdout):
            _of(stream).close()


def _await_ready(process: "subprocess.Popen[bytes]") -> None:
    if _of(process.stdout).readline() != b"ready\n":
        raise RuntimeError("BullMQ does not start: see what it said above")


def _tell(process: "subprocess.Popen[bytes]") -> None:
    stdin = _of(process.stdin)
    stdin.write(b"\n")
    stdin.flush()


def _of(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 - asked for when the process was started
    return stream


def _is_any_pending(conn: psycopg.Connection) -> bool:
    row = conn.execute("SELECT EXISTS (SELECT FROM peer.emails WHERE status <> 'SENT')").fetchone()
    return row is None or bool(row[0])
