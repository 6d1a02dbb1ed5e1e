"""The receiver, and the fastest sender that we know: smtp-sink and smtp-source, in C, of Postfix."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from resource import RUSAGE_CHILDREN, getrusage
from time import monotonic, perf_counter, sleep
from typing import Protocol

_READY_WITHIN_S = 10.0
_SESSIONS = 10
_BYTES = 2_000
_MOST_CONNECTIONS = 4_000


class PostfixMissing(Exception):
    """The benchmark of sending needs smtp-sink and smtp-source; the message says how to get them."""


@dataclass(frozen=True, slots=True)
class Source:
    """What smtp-source did: emails a second, and CPU seconds per 1,000 of them."""

    rate: float
    cpu_s: float


def postfix(program: str) -> str:
    """
    Where *program* is, which root alone may have on its path.

    Raises:
        PostfixMissing: It is not installed.
    """
    found = shutil.which(
        program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/usr/libexec/postfix"
    )
    if found is None:
        raise PostfixMissing(
            f"{program} is missing, it comes with Postfix: apt-get install --no-install-recommends postfix "
            "(its server need not run)"
        )
    return found


class Receiver(Protocol):
    """Who takes the emails, and what may be sent to it without us."""

    def listening(self, *, delay_s: int = 0) -> AbstractContextManager[int]:
        """Listen on the port that is given until the block ends; each email takes *delay_s*."""
        ...

    def source(self, port: int, *, emails: int) -> Source:
        """Send so many emails to *port* at once."""
        ...


class Postfix:
    """
    smtp-sink and smtp-source.

    Raises:
        PostfixMissing: One of them is not installed.
    """

    def __init__(self) -> None:
        self._sink, self._source = postfix("smtp-sink"), postfix("smtp-source")

    @contextmanager
    def listening(self, *, delay_s: int = 0) -> Iterator[int]:
        """DATA is answered after *delay_s*."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        command = [self._sink, "-m", str(_MOST_CONNECTIONS)]
        command += ["-w", str(delay_s)] if delay_s else []
        command += ["-u", "nobody"] if os.geteuid() == 0 else []
        sink = subprocess.Popen([*command, f"127.0.0.1:{port}", "1024"])
        try:
            wait_for(port, "smtp-sink")
            yield port
        finally:
            sink.terminate()
            sink.wait()

    def source(self, port: int, *, emails: int) -> Source:
        """Send *emails* of about 2 KB over kept sessions: no database, no queue, no rendering."""
        command = [self._source, "-d", "-s", str(_SESSIONS), "-l", str(_BYTES), "-m", str(emails)]
        command += ["-f", "sender@example.com", "-t", "contact@example.test", f"127.0.0.1:{port}"]
        before, began = _cpu_s(), perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = perf_counter() - began
        return Source(emails / seconds, (_cpu_s() - before) * 1000 / emails)


def _cpu_s() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wait_for(port: int, program: str) -> None:
    """Wait until somebody listens on *port*, which is *program*."""
    deadline = monotonic() + _READY_WITHIN_S
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if monotonic() > deadline:
            raise RuntimeError(f"{program} does not start")
        sleep(0.02)
