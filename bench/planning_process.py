"""A process that plans and nothing else, and says how much memory that took at most.

`python -m bench.planning_process URL WORKSPACE planner|recalculator` prints two numbers in MB: the peak
before it planned, and after.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from bench.office import Office
from domain.ids import WorkspaceId

_STATUS = Path("/proc/self/status")
ROOT = Path(__file__).parents[1]


def measure_memory(url: str, workspace_id: WorkspaceId, *, who: str) -> tuple[float, float]:
    """The peak in MB of a new process before and after *who*, planner or recalculator, did its work."""
    before, after = carry_out_planning(url, workspace_id, who=who).split()[-2:]
    return float(before), float(after)


def carry_out_planning(url: str, workspace_id: WorkspaceId, *, who: str) -> str:
    """Let *who*, planner or recalculator, do in a new process what there is to do; what that printed."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench.planning_process", url, str(workspace_id), who],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return ended.stdout


def peak_mb() -> float:
    """The most memory that this process ever had resident (Linux: getrusage would count its parent's too)."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"{_STATUS} does not say VmHWM")


async def _work(url: str, workspace_id: str, who: str) -> None:
    office = Office(url)
    try:
        before = peak_mb()
        await (office.plan if who == "planner" else office.recalculate)(workspace_id)
        sys.stdout.write(f"{before} {peak_mb()}\n")
    finally:
        await office.aclose()


if __name__ == "__main__":
    asyncio.run(_work(*sys.argv[1:]))
