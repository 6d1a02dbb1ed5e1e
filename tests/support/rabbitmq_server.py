"""
The program `rabbitmq-server`: where this machine has it, or how to get it.

`python -m tests.support.rabbitmq_server` gets it before the tests, whose time is limited.
"""

import os
import shutil
import sys
from pathlib import Path

from tests.support.apt import ProgramMissing, install

# Debian's /usr/sbin/rabbitmq-server is another one: it changes the user and drops the environment.
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def rabbitmq_server() -> Path:
    """
    The installed program; where root can, on Debian and Ubuntu, it is installed first.

    Raises:
        ProgramMissing: Not there, and not to be had by ourselves.
    """
    found = _installed()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install("rabbitmq-server", otherwise="set DRUMBEAT_AMQP_URL")
        found = _installed()
    if found is None:
        raise ProgramMissing(
            "the tests need RabbitMQ: set DRUMBEAT_AMQP_URL, or install it "
            "(Debian, Ubuntu: apt-get install rabbitmq-server; macOS: brew install rabbitmq)"
        )
    return found


def _installed() -> Path | None:
    if _DEBIAN.exists():
        return _DEBIAN
    elsewhere = shutil.which("rabbitmq-server")
    return Path(elsewhere) if elsewhere else None


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{rabbitmq_server()}\n")
    except ProgramMissing as missing:
        sys.exit(str(missing))
