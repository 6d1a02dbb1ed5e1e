"""Programs that tests need, from the packages of Debian and Ubuntu."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_POLICY = Path("/usr/sbin/policy-rc.d")


class ProgramMissing(Exception):
    """A program is not there and not to be had by ourselves; the message is one line that says what helps."""


def install(*packages: str, otherwise: str) -> None:
    """
    Install *packages* by apt, without any of their servers being started.

    Raises:
        ProgramMissing: It cannot be done; *otherwise* is what helps as well.
    """
    options = ("install", "--yes", "--no-install-recommends", *packages)
    with _nothing_starts(_POLICY):
        if _apt_get(options).returncode == 0:
            return
        _apt_get(("update",))  # a container often has no lists yet
        installed = _apt_get(options)
    if installed.returncode != 0:
        last_line = installed.stdout.strip().rpartition("\n")[2]
        raise ProgramMissing(f"apt-get install {' '.join(packages)} failed, {otherwise}: {last_line}")


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
