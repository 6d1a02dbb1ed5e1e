"""Scenario files that contradict themselves, or are none: every problem is told with what helps."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main
from tests.support.scenario import SMALL, problems

Written = Callable[[str], Path]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            'mailbox = "west"\nchange = "paused"',
            'changes 1, mailbox: nothing is called "west"; name one of north, east, south',
        ),
        (
            'mailbox = "east"\nchange = "lost"',
            'changes 1, change: must be "removed", "paused", "resumed" or "capacity", not \'lost\'',
        ),
        (
            'mailbox = "east"\nchange = "capacity"',
            'changes 1, daily_capacity: is missing; a change of "capacity" needs the new one',
        ),
        (
            'mailbox = "east"\nchange = "paused"\ndaily_capacity = 3',
            'changes 1, daily_capacity: says nothing for "paused"; remove it, or write change = "capacity"',
        ),
        (
            (
                'mailbox = "east"\nchange = "paused"\n[[changes]]\non_day = 1\n'
                'mailbox = "east"\nchange = "removed"'
            ),
            'changes 1, mailbox: "east" is removed on day 1; leave out what happens to it afterwards',
        ),
    ],
)
def test_a_change_that_cannot_be_is_refused(written: Written, change: str, problem: str) -> None:
    """The first of them happens on the second day."""
    assert problems(written(f"{SMALL}[[changes]]\non_day = 2\n{change}\n")) == [problem]


@pytest.mark.parametrize(
    ("sequence", "number", "known", "possible"),
    [("Other", 95, 91, 90), ("Other", 5, 6, 5), ("Welcome", 5, 1, 0)],
)
def test_nobody_is_known_who_did_not_join_before(
    written: Written, sequence: str, number: int, known: int, possible: int
) -> None:
    """Ninety did; there cannot be more than those who join, and nobody joins one sequence twice."""
    other = '[[sequences]]\nname = "Other"\nsteps = [{}]\n'
    joining = f'[[contacts]]\nsequence = "{sequence}"\nnumber = {number}\nknown = {known}\n'

    (problem,) = problems(written(f"{SMALL}{other}{joining}"))

    assert problem == (
        f"contacts 2, known: only {possible} of these {number} can have joined another sequence before;"
        " name no more"
    )


def test_a_sequence_that_no_mailbox_serves_is_refused(written: Written) -> None:
    """Its emails could never leave."""
    alone = SMALL + '[[sequences]]\nname = "Alone"\nsteps = [{}]\n'
    served = re.sub(r'(name = "(?:north|east|south)")', r'\1\nsequences = ["Welcome"]', alone)

    assert problems(written(served)) == [
        'sequences 2, name: no mailbox serves "Alone"; add it to the sequences of one'
    ]


def test_all_problems_are_told_at_once(
    written: Written, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line each with the file before it, exit code 78, and no traceback."""
    path = written(SMALL.replace("2026-11-23", "1").replace("number = 90", "number = true"))
    monkeypatch.setattr(sys, "argv", ["drumbeat", "simulate", str(path)])

    with pytest.raises(SystemExit) as ended:
        main()

    told = capsys.readouterr()
    assert ended.value.code == 78
    assert told.out == ""
    assert [line.split(": ")[:2] for line in told.err.splitlines()] == [
        [str(path), "start"],
        [str(path), "contacts 1, number"],
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "is no text; save it as UTF-8"),
        (b"zone = \n", "is not TOML: Invalid value (at line 1, column 8)"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """With what is wrong with the file itself."""
    path = tmp_path / "scenario.toml"
    if content is not None:
        path.write_bytes(content)

    assert problems(path) == [problem]
