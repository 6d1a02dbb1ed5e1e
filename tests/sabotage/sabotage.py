"""
Sabotage: break a copy of this tree in ten ways, one at a time, and see that the tests go red.

`python -m tests.sabotage.sabotage` ends with exit code 1 if a break goes unnoticed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from tests.sabotage.breaks import BREAKS, Break

_ROOT = Path(__file__).parents[2]
_COPIED = ("actors", "api", "app", "domain", "persistence", "tests", "pyproject.toml", "schema.graphql")
_WITHIN_S = 300
_TESTS_FAILED = 1


@dataclass(frozen=True, slots=True)
class Noticed:
    """Which of the tests that had to notice did, and which did not."""

    name: str
    red: Sequence[str]
    green: Sequence[str]
    seconds: float


def sabotage(broken: Break, copy: Path) -> Noticed:
    """Do *broken* to *copy*, run the tests that have to notice, and undo it."""
    whole = {edit.path: (copy / edit.path).read_text() for edit in broken.edits}
    began = time.monotonic()
    try:
        for edit in broken.edits:
            source = (copy / edit.path).read_text()
            if problem := edit.problem(source):
                raise ValueError(problem)
            (copy / edit.path).write_text(edit.applied_to(source))
        red = failing(broken.noticed_by, copy)
    finally:
        for path, source in whole.items():
            (copy / path).write_text(source)
    green = [test for test in broken.noticed_by if test not in red]
    return Noticed(broken.name, red, green, time.monotonic() - began)


def failing(tests: Sequence[str], copy: Path) -> list[str]:
    """
    Those of *tests* that fail in *copy*; one with parameters does when one of them does.

    Raises:
        RuntimeError: If pytest could not run them; a break has to fail tests, not imports.
    """
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rf", "--tb=no", *tests],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=_WITHIN_S,
        check=False,
    )
    if ran.returncode not in (0, _TESTS_FAILED):
        raise RuntimeError(ran.stdout + ran.stderr)
    failed = set(re.findall(r"^FAILED ([^\s[]+)", ran.stdout, re.MULTILINE))
    return [test for test in tests if test in failed]


def copy_tree(to: Path) -> None:
    for name in _COPIED:
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, to / name)


def main() -> None:
    """A table goes to standard error, a line of JSON per break to standard output."""
    unnoticed = 0
    with tempfile.TemporaryDirectory(prefix="drumbeat-sabotage-") as directory:
        copy = Path(directory)
        copy_tree(copy)
        everything = list(dict.fromkeys(test for each in BREAKS for test in each.noticed_by))
        if red := failing(everything, copy):
            raise SystemExit(f"red without any break: {', '.join(red)}")
        for each in BREAKS:
            noticed = sabotage(each, copy)
            unnoticed += bool(noticed.green)
            _say(noticed)
    typer.echo(f"{len(BREAKS) - unnoticed} of {len(BREAKS)} breaks were noticed", err=True)
    raise SystemExit(1 if unnoticed else 0)


def _say(noticed: Noticed) -> None:
    words = (
        f"noticed by {len(noticed.red)}"
        if not noticed.green
        else f"NOT noticed by {', '.join(noticed.green)}"
    )
    typer.echo(f"{noticed.name:<36} {words}, {noticed.seconds:.0f} s", err=True)
    figures = {"break": noticed.name, "red": list(noticed.red), "green": list(noticed.green)}
    sys.stdout.write(f"{json.dumps(figures)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
