"""A short chaos: everything is killed at random while emails leave, and nothing is lost or arrives twice."""

from pathlib import Path

import pytest

from tests.chaos.chaos import run_chaos

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


def test_killing_everything_at_random_loses_nothing_and_sends_nothing_twice(tmp_path: Path) -> None:
    """Forty faults, each kind once at least; `make chaos` has as many as you like."""
    outcome = run_chaos(tmp_path, kills=40, emails=3_000, seed=1)

    assert outcome.accounts.breaches == []
    assert outcome.accounts.promised == 3_000
    assert sum(outcome.faults.values()) == 40
