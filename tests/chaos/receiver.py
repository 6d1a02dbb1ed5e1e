"""The receiving server of the chaos: keeps what it accepts, and at times hangs up for an answer."""

import asyncio
import os
import socket
import struct
import sys
import threading
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from aiosmtpd.smtp import SMTP, Envelope, Session
from typing_extensions import override

from app.capture_server import CaptureServer

_SLOWEST_S = 0.012
# Closed like that, a socket sends RST and drops what it had still to send.
_ABRUPTLY = struct.pack("ii", 1, 0)


class Receiver(CaptureServer):
    """
    Writes each letter to *log* before it answers, late by up to 12 ms.

    *reset_percent* of them get a reset for an answer, and *resets* a line for each. *seed* decides which, by
    recipient and subject, whatever the order in which they come.
    """

    def __init__(self, *, log: Path, resets: Path, reset_percent: float, seed: int) -> None:
        super().__init__(log=log)
        self._resets = os.open(resets, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._reset_percent = reset_percent
        self._seed = seed

    @override
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        reply = await super().handle_DATA(server, session, envelope)
        letter = self.received[-1]
        self.received.clear()  # the log has them
        chance = Random(f"{self._seed} {letter.recipient} {letter.subject}")  # noqa: S311
        await asyncio.sleep(chance.uniform(0, _SLOWEST_S))
        if chance.uniform(0, 100) < self._reset_percent and isinstance(server.transport, asyncio.Transport):
            os.write(self._resets, f"{letter.message_id}\n".encode())
            connection: socket.socket = server.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPTLY)
            server.transport.abort()
            await asyncio.Event().wait()  # until aiosmtpd notices and ends this conversation
        return reply


def main(
    log: Annotated[Path, typer.Option()],
    resets: Annotated[Path, typer.Option()],
    reset_percent: Annotated[float, typer.Option()],
    seed: Annotated[int, typer.Option()],
) -> None:
    """Receive until killed; the port is told on standard output."""
    with Receiver(log=log, resets=resets, reset_percent=reset_percent, seed=seed) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    typer.run(main)
