"""
The program `rabbitmq-server`: where this machine has it, or how to get it.

`python -m tests.support.rabbitmq_server` gets it before the tests, whose time is limited.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Debian's /usr/sbin/rabbitmq-server is another one: it changes the user and drops the environment.
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_POLICY = Path("/usr/sbin/policy-rc.d")


class RabbitMQMissing(Exception):
    """The tests have no RabbitMQ; the message is one line that says how to get one."""


def rabbitmq_server() -> Path:
    """
    The installed program; where root can, on Debian and Ubuntu, it is installed first.

    Raises:
        RabbitMQMissing: Not there, and not to be had by ourselves.
    """
    found = _installed()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install("rabbitmq-server")
        found = _installed()
    if found is None:
        raise RabbitMQMissing(
            "the tests need RabbitMQ: set DRUMBEAT_AMQP_URL, or install it "
            "(Debian, Ubuntu: apt-get install rabbitmq-server; macOS: brew install rabbitmq)"
        )
    return found


def install(*packages: str) -> None:
    """Install *packages* by apt, without any of their servers being started."""
    options = ("install", "--yes", "--no-install-recommends", *packages)
    with _nothing_starts(_POLICY):
        if _apt_get(options).returncode == 0:
            return
        _apt_get(("update",))  # a container often has no lists yet
        installed = _apt_get(options)
    if installed.returncode != 0:
        last_line = installed.stdout.strip().rpartition("\n")[2]
        raise RabbitMQMissing(
            f"apt-get install {' '.join(packages)} failed, set DRUMBEAT_AMQP_URL: {last_line}"
        )


def _installed() -> Path | None:
    if _DEBIAN.exists():
        return _DEBIAN
    elsewhere = shutil.which("rabbitmq-server")
    return Path(elsewhere) if elsewhere else None


def _apt_get(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["apt-get", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@contextmanager
def _nothing_starts(policy: Path) -> Iterator[None]:
    """Forbid packages to start their servers, unless the machine has a policy of its own (invoke-rc.d(8))."""
    try:
        with policy.open("x") as script:
            script.write("#!/bin/sh\nexit 101\n")
    except FileExistsError:
        yield
        return
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{rabbitmq_server()}\n")
    except RabbitMQMissing as missing:
        sys.exit(str(missing))
