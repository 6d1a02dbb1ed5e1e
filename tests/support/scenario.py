"""A scenario as a file says it: ninety contacts, three steps, three mailboxes of 30 a day."""

from pathlib import Path

import pytest

from app.misconfiguration import Misconfigured
from app.simulation.reading import read_scenario

SMALL = """
zone = "Europe/Berlin"
start = 2026-11-23
[[sequences]]
name = "Welcome"
weekdays = [1, 2, 3, 4, 5]
intervals = ["09:00-17:00"]
steps = [{}, { wait_days = 2 }, { wait_days = 1 }]
[[mailboxes]]
name = "north"
[[mailboxes]]
name = "east"
[[mailboxes]]
name = "south"
[[contacts]]
sequence = "Welcome"
number = 90
"""


def problems(path: Path) -> list[str]:
    """What is told of the file at *path*, without its name."""
    with pytest.raises(Misconfigured) as refused:
        read_scenario(path)
    return [problem.removeprefix(f"{path}: ") for problem in refused.value.problems]
