"""Servers that all workers of one test run share, and that are gone when the run is, however it ends."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

_PROJECT = Path(__file__).parents[2]

# Known to Python as running until this process ends, so that it does not warn about them.
_keepers: list[subprocess.Popen[str]] = []


def shared_server(module: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """
    The addresses of the one server that *module* serves for this run; the first worker to ask starts it.

    *module*, run as a program, calls `serve`. When that cannot start, every test that asks fails with the
    last line it printed.
    """
    basetemp = tmp_path_factory.getbasetemp()
    # A worker of pytest-xdist is a child of the controller, and has a folder within the controller's.
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    run_dir, controller = (basetemp.parent, os.getppid()) if is_worker else (basetemp, os.getpid())
    directory = run_dir / module.rpartition(".")[2]
    addresses = directory.with_suffix(".json")
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not addresses.exists():
            addresses.write_text(_start(module, directory, controller))
    answer: dict[str, str] = json.loads(addresses.read_text())
    if "failed" in answer:
        pytest.fail(answer["failed"], pytrace=False)
    return answer


def _start(module: str, directory: Path, controller: int) -> str:
    directory.mkdir()
    output = directory.with_suffix(".log")
    with output.open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", module, str(directory), str(controller)],
            cwd=_PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # Ctrl-C is for pytest; the keeper sees by itself when that is gone.
            start_new_session=True,
        )
    _keepers.append(keeper)
    assert keeper.stdout is not None
    with keeper.stdout:
        answer = keeper.stdout.readline()
    return answer or json.dumps({"failed": output.read_text().strip().rpartition("\n")[2]})


def serve(server: Callable[[Path], AbstractContextManager[Mapping[str, str]]]) -> None:
    """
    Keep *server* up, in the directory of the first argument, while the process of the second one runs.

    Prints its addresses as a line of JSON, and removes the directory in the end.
    """
    directory, controller = Path(sys.argv[1]), int(sys.argv[2])
    with server(directory) as addresses:
        sys.stdout.write(f"{json.dumps(dict(addresses))}\n")
        sys.stdout.flush()
        while is_running(controller):
            time.sleep(0.1)
    shutil.rmtree(directory)


def is_running(pid: int) -> bool:
    """Whether *pid* lives; on Linux, a killed process that its parent has not noticed yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # gone since, or a system without /proc
        return not Path("/proc/self").exists()
