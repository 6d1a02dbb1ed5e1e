"""A short chaos: everything is killed at random while emails leave, and nothing is lost or arrives twice."""

from pathlib import Path

import pytest

from tests.chaos.chaos import run_chaos

pytestmark = [pytest.mark.processes, pytest.mark.timeout(420)]


def test_killing_everything_at_random_loses_nothing_and_sends_nothing_twice(tmp_path: Path) -> None:
    """Twenty faults, each kind once at least; `make chaos` has more of them."""
    outcome = run_chaos(tmp_path, kills=20, emails=1_000, seed=1)

    assert outcome.accounts.breaches == []
    assert outcome.accounts.promised == 1_000
    assert sum(outcome.faults.values()) == 20
