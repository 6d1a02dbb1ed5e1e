"""What the tests of commands and settings may ask for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No DRUMBEAT_* variable is set, and the current folder has no `.env`."""
    for name in os.environ:
        if name.startswith("DRUMBEAT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Write a scenario into a file; its path."""

    def write(text: str) -> Path:
        path = tmp_path / "scenario.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
