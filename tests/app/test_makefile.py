"""The Makefile: what it lists, and what it says on a machine that lacks something."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Found as the shell finds it: the tests are usually started by it.
MAKE = shutil.which("make") or "make"
MAKEFILE = (ROOT / "Makefile").read_text()


def make(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [MAKE, "--no-print-directory", *arguments],
        cwd=ROOT,
        env=os.environ | {"MAKEFLAGS": ""} | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_alone_lists_every_target() -> None:
    """Each with a line about it."""
    targets = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split()

    listed = make().stdout.splitlines()

    assert [line.split()[1] for line in listed] == targets
    assert all(len(line.split()) > 3 for line in listed)


def test_an_old_python_is_named(tmp_path: Path) -> None:
    """One clear line instead of an error from the midst of an installation."""
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)

    refused = make(f"{tmp_path}/venv/python.stamp", f"VENV={tmp_path}/venv", f"PYTHON={old}")

    assert refused.returncode != 0
    assert f"Drumbeat needs Python 3.11 or newer, {old} is Python 3.9.2" in refused.stderr


def test_a_python_without_venv_is_named(tmp_path: Path) -> None:
    """As Debian installs it."""
    bare = tmp_path / "python3"
    bare.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\n')
    bare.chmod(0o755)

    refused = make(f"{tmp_path}/venv/python.stamp", f"VENV={tmp_path}/venv", f"PYTHON={bare}")

    assert refused.returncode != 0
    assert "apt install python3-venv" in refused.stderr


def test_no_python_at_all_is_said(tmp_path: Path) -> None:
    """With the name that was looked for."""
    refused = make(f"{tmp_path}/venv/python.stamp", f"VENV={tmp_path}/venv", "PYTHON=python-of-nowhere")

    assert refused.returncode != 0
    assert "python-of-nowhere is missing: install Python 3.11 or newer" in refused.stderr


@pytest.mark.parametrize(("target", "emails"), [("chaos", 3_000), ("bench-send", 5_000)])
def test_each_measurement_has_its_own_number_of_emails(target: str, emails: int) -> None:
    """Unless one is given."""
    assert f"--emails {emails} --" in make("--dry-run", target).stdout
    assert "--emails 7 --" in make("--dry-run", target, "EMAILS=7").stdout


def test_continuous_integration_runs_the_tests() -> None:
    """By the same command as everybody else, from wherever it is called."""
    script = ROOT / ".ci" / "run"

    assert script.read_text().splitlines()[-2:] == ["make test", "make test-browser"]
    assert os.access(script, os.X_OK)


def test_clean_removes_what_npm_installed() -> None:
    """Of every project of Node.js in the repository."""
    found = [each for top in ("bench", "docs", "tests", "web") for each in (ROOT / top).rglob("package.json")]
    projects = [str(each.parent.relative_to(ROOT)) for each in found if "node_modules" not in each.parts]

    removed = make("--dry-run", "clean").stdout

    assert [each for each in projects if f"{each}/node_modules" not in removed.split()] == []
    assert len(projects) > 2
