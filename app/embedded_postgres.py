"""The PostgreSQL that Drumbeat brings along: started by it, open to its own user alone, gone when it goes."""

import atexit
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.postgres_programs import (
    ENVIRONMENT,
    Account,
    EmbeddedPostgresFailed,
    leashed,
    postgres_programs,
    server_account,
)

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresFailed", "start_postgres"]

_READY_WITHIN_S = 60.0  # long enough for a recovery after a crash
_PREDECESSOR_GONE_WITHIN_S = 30.0
_STOPPED_WITHIN_S = 10.0
_LONGEST_SOCKET_PATH = 103  # sockaddr_un holds 104 bytes on macOS, 108 on Linux, the closing NUL included

_NEW_CLUSTER = (
    *("--username=postgres", "--auth=trust", "--encoding=UTF8"),
    # PostgreSQL's own C.UTF-8 is the same everywhere; the one of the C library is missing on older macOS.
    *("--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"),
)
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    # Relative to the data directory, which only its owner may enter; so a path of any length fits.
    "unix_socket_directories": ".",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(slots=True)
class EmbeddedPostgres:
    """
    A running server. *url* is that of a superuser on the database `postgres`, over a unix socket.

    The socket lies in the server's own directory, which its user (and root) alone may enter: nobody else on a
    shared machine can connect, so no password is needed, and no port is taken.
    """

    url: str
    _process: subprocess.Popen[bytes]
    _held: ExitStack

    def stop(self) -> None:
        """End open connections, write everything down and wait until the server is gone."""
        atexit.unregister(self.stop)
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            # Immediate shutdown: the next start recovers all that was committed.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        self._held.close()


def start_postgres(data_dir: Path, *, durable: bool = True) -> EmbeddedPostgres:
    """
    Start PostgreSQL on *data_dir*, made when it does not exist, and answer once it takes connections.

    The tables are in `cluster/`, the words of the server in `server.log`. Started by root, it runs as the
    owner of `cluster/`: `postgres`, else `nobody`. *durable* False gives up safety from power cuts for speed.

    The server shuts down with its parent, even one that is killed. Linux means the *thread* that called: call
    from one that lives as long as the server shall. On macOS only a regular exit of the parent ends it.

    Raises:
        EmbeddedPostgresFailed: Not installed, in use, not permitted, or the last words of the server itself.
    """
    data_dir = data_dir.absolute()
    cluster, log = data_dir / "cluster", data_dir / "server.log"
    with ExitStack() as held:
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            held.enter_context(_sole_launcher(data_dir))
            account = server_account(cluster)
            programs = postgres_programs(account)
            with _sole_server(log) as log_fd:
                if not cluster.exists():
                    _initdb(programs, cluster, account, log_fd, durable=durable)
                _forget_dead_server(cluster)
                process = held.enter_context(_launched(programs, cluster, account, log_fd, durable=durable))
            _await_ready(process, cluster, log)
            url = held.enter_context(_url(cluster))
        except OSError as error:
            raise EmbeddedPostgresFailed(
                f"{error}: set this right, or choose another data directory"
            ) from error
        server = EmbeddedPostgres(url, process, held.pop_all())
    atexit.register(server.stop)
    return server


@contextmanager
def _sole_launcher(data_dir: Path) -> Iterator[None]:
    """Hold *data_dir* for this process. The kernel lets go when it dies, so no lock goes stale."""
    with (data_dir / "launcher.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise EmbeddedPostgresFailed(
                f"{data_dir} is in use by process {lock.read().strip()}: "
                "stop that first, or choose another data directory"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextmanager
def _sole_server(log: Path) -> Iterator[int]:
    """
    Yield *log* open for a server's output, as soon as no earlier server has it open any more.

    The server of a killed launcher needs some moments to end. It inherits this lock with the open file.
    """
    log_fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        deadline = time.monotonic() + _PREDECESSOR_GONE_WITHIN_S
        while not _try_lock(log_fd):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresFailed(f"the previous server does not end: see {log}")
            time.sleep(0.01)
        yield log_fd
    finally:
        os.close(log_fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _initdb(programs: Path, cluster: Path, account: Account | None, log_fd: int, *, durable: bool) -> None:
    """Make the cluster, under another name first: a kill in the midst leaves nothing half made."""
    unfinished = cluster.with_name("cluster.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if account:
        os.chown(unfinished, *account)
    options = _NEW_CLUSTER if durable else (*_NEW_CLUSTER, "--no-sync")
    initdb = _spawn(programs / "initdb", unfinished, options, account, log_fd)
    if initdb.wait() != 0:
        raise EmbeddedPostgresFailed(f"initdb failed: {_last_words(cluster.with_name('server.log'))}")
    unfinished.rename(cluster)


def _forget_dead_server(cluster: Path) -> None:
    """Remove a stale lock file that PostgreSQL would believe, as its process id is now another program's."""
    lock_file = cluster / "postmaster.pid"
    with suppress(OSError, IndexError):
        pid = lock_file.read_text().split()[0]
        if Path(f"/proc/{pid}/comm").read_text().strip() != "postgres":
            lock_file.unlink()
            (cluster / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


@contextmanager
def _launched(
    programs: Path, cluster: Path, account: Account | None, log_fd: int, *, durable: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server; on the way out, also of an error, it no longer runs."""
    settings = _SETTINGS if durable else _SETTINGS | _NOT_DURABLE
    options = [f"--{name}={value}" for name, value in settings.items()]
    process = _spawn(programs / "postgres", cluster, options, account, log_fd)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _spawn(
    program: Path, directory: Path, options: Iterable[str], account: Account | None, log_fd: int
) -> subprocess.Popen[bytes]:
    path, passed_fds = str(directory), []
    if account and sys.platform == "linux":
        # We open the directory for the server: folders above it may be closed to its user, as /root is.
        passed_fds = [os.open(directory, os.O_RDONLY | os.O_DIRECTORY)]
        path = f"/proc/self/fd/{passed_fds[0]}"
    try:
        return subprocess.Popen(  # noqa: S603 - a program of the wheel
            leashed([str(program), "-D", path, *options], end=signal.SIGINT, account=account),
            pass_fds=passed_fds,
            stdin=subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            env=ENVIRONMENT,
            # Ctrl-C is meant for Drumbeat, which needs the database on its way out.
            start_new_session=True,
        )
    finally:
        for fd in passed_fds:
            os.close(fd)


def _await_ready(process: subprocess.Popen[bytes], cluster: Path, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            lines = (cluster / "postmaster.pid").read_text().splitlines()
            if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return
        time.sleep(0.01)
    raise EmbeddedPostgresFailed(f"PostgreSQL does not start: {_last_words(log)}")


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line]
    return f"{' / '.join(lines[-3:])} (more in {log})"


@contextmanager
def _url(cluster: Path) -> Iterator[str]:
    """The URL of the server in *cluster*, by way of a symbolic link when that is too deep for a socket."""
    with ExitStack() as held:
        host = cluster
        if len(os.fsencode(cluster / ".s.PGSQL.5432")) > _LONGEST_SOCKET_PATH:
            folder = held.enter_context(tempfile.TemporaryDirectory(prefix="drumbeat-"))
            host = Path(folder) / "postgres"
            host.symlink_to(cluster)
        yield f"postgresql://postgres@/postgres?host={quote(str(host))}&port=5432"
