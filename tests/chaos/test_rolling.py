"""A short rolling restart: every worker ends and another takes its place while emails leave."""

from pathlib import Path

import pytest

from tests.chaos.rolling import roll

pytestmark = [pytest.mark.processes, pytest.mark.timeout(420)]


def test_a_rolling_restart_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    """Four workers end by SIGTERM in turn, each within 45 s; every email arrives once."""
    rolled = roll(tmp_path, rounds=1, seed=1, ahead=400)

    assert rolled.breaches == []
    assert rolled.restarts == 4
    assert rolled.accounts.in_doubt == 0
