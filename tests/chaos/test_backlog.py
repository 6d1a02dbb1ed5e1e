"""A short backlog: after an outage emails are late, and every limit holds while they catch up."""

from pathlib import Path

import pytest

from tests.chaos.backlog import catch_up

pytestmark = [pytest.mark.processes, pytest.mark.timeout(420)]


def test_catching_up_breaks_no_limit_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Two thousand overdue emails get new times at once; what may leave does; a neighbour does not wait."""
    backlog = catch_up(tmp_path, emails=2_000, mailboxes=20, measured_s=20)

    assert backlog.breaches == []
    assert backlog.allowed == 40
