"""The breaks do not rot: each still finds what it breaks, and the tests that have to notice."""

import ast
from pathlib import Path

import pytest

from tests.sabotage.breaks import BREAKS, Break

ROOT = Path(__file__).parents[2]

each_break = pytest.mark.parametrize("sabotage", BREAKS, ids=[each.name for each in BREAKS])


def test_there_are_ten_of_them() -> None:
    """With ten names."""
    assert len({each.name for each in BREAKS}) == 10


@each_break
def test_a_break_finds_its_target_once(sabotage: Break) -> None:
    """And what it makes of it is Python still."""
    sources = {edit.path: (ROOT / edit.path).read_text() for edit in sabotage.edits}

    problems = []
    for edit in sabotage.edits:
        problems.append(edit.problem(sources[edit.path]))
        sources[edit.path] = edit.applied_to(sources[edit.path])

    assert problems == [None] * len(sabotage.edits)
    assert [ast.parse(source).body != [] for source in sources.values()] == [True] * len(sources)


@each_break
def test_the_tests_that_have_to_notice_are_there(sabotage: Break) -> None:
    """By name, in the file that is named."""
    named = [each.partition("::")[::2] for each in sabotage.noticed_by]

    missing = [(path, name) for path, name in named if name not in _functions(ROOT / path)]

    assert named != []
    assert missing == []


def _functions(path: Path) -> set[str]:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, functions)}
