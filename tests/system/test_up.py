"""`drumbeat up`: everything in one process, with data that outlives it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.demo.campaign import GraphqlClient

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


async def test_it_shows_a_key_once_and_keeps_its_data(tmp_path: Path) -> None:
    """The first start makes a workspace, the second finds it and what was made in it."""
    first = _Up(tmp_path / "data")
    key = first.read(r"shown this once: (\S+)")
    api = GraphqlClient(first.read(r"(http://\S+/graphql)"), key)
    await api.ask(
        'mutation { createSequence(input: {name: "Welcome Campaign"})'
        " { sequence { id } userErrors { message } } }"
    )
    first_exit = first.stop()

    second = _Up(tmp_path / "data")
    api = GraphqlClient(second.read(r"(http://\S+/graphql)"), key)
    kept = await api.ask("{ sequences { nodes { name } } }")
    second_exit = second.stop()

    assert kept["sequences"]["nodes"] == [{"name": "Welcome Campaign"}]
    assert "shown this once" not in second.output
    assert (first_exit, second_exit) == (0, 0)


class _Up:
    """A running `drumbeat up` and what it printed so far."""

    def __init__(self, data_dir: Path) -> None:
        self.output = ""
        command = [sys.executable, "-m", "app.cli", "up", "--data-dir", str(data_dir), "--port", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def read(self, pattern: str) -> str:
        """Read on until *pattern* was printed; what its group matched."""
        assert self._process.stdout is not None
        while (found := re.search(pattern, self.output)) is None:
            line = self._process.stdout.readline()
            if not line:
                raise AssertionError(f"it ended with {self._process.wait()} after printing {self.output!r}")
            self.output += line
        return found[1]

    def stop(self) -> int:
        self._process.terminate()
        rest, _ = self._process.communicate(timeout=60)
        self.output += rest
        return self._process.returncode
