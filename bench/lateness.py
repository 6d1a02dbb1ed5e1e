"""How late the dispatcher claims what is due: alone, and while a recalculation runs beside it."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import ceil
from time import monotonic

import psycopg

from bench.campaign import Campaign, settle
from bench.dispatching import LEASE
from bench.office import SUNDAY, Office
from bench.planning_process import ROOT, carry_out_planning
from persistence.database import libpq_url

# So often an email becomes due, each in another mailbox.
_EVERY = timedelta(seconds=0.5)
# As long as all that the recalculation could take: what becomes due later is not claimed.
_MOST_DUE = 200
# They become due within half of that.
_CLAIMED_WITHIN_S = 200.0


async def measure_lateness(
    url: str, office: Office, campaign: Campaign, *, claims: int
) -> tuple[float, float]:
    """
    Seconds from `send_at` to the claim, the 95th percentile: during a recalculation, and before it.

    Each of at least so many *claims*: a short recalculation alone would leave too few of them. *campaign* is
    planned and sends at every hour. Its second step is inserted meanwhile.
    """
    with _dispatching(url, campaign) as began_at:
        await _claimed(url, began_at, claims=claims)
    alone = _lateness_s(url, began_at)
    await office.insert_second_step(campaign)
    with _dispatching(url, campaign) as began_at:
        carry_out_planning(url, campaign.workspace_id, who="recalculator")
        await _claimed(url, began_at, claims=claims)
    return percentile_95(_lateness_s(url, began_at)), percentile_95(alone)


def percentile_95(values: Sequence[float]) -> float:
    """The least of *values* that 95 % of them do not exceed; of fewer than twenty, the greatest."""
    return sorted(values)[ceil(len(values) * 0.95) - 1]


async def _claimed(url: str, began_at: datetime, *, claims: int) -> None:
    """Wait until so many emails are claimed, however busy the machine is."""
    until = monotonic() + _CLAIMED_WITHIN_S
    while (found := len(_lateness_s(url, began_at))) < claims:
        if monotonic() > until:
            raise RuntimeError(f"of {claims} emails only {found} were claimed")
        await asyncio.sleep(_EVERY.total_seconds())


@contextmanager
def _dispatching(url: str, campaign: Campaign) -> Iterator[datetime]:
    """Let emails become due and a dispatcher claim them until the block ends; when that began."""
    _make_due(url, campaign)
    settle(url)
    began_at = datetime.now(UTC)
    dispatching = subprocess.Popen(
        [sys.executable, "-m", "bench.dispatching", url, began_at.isoformat()],
        stdin=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield began_at
    finally:
        dispatching.communicate("end\n", timeout=60)
    if dispatching.returncode:
        raise RuntimeError(f"the dispatcher ended with {dispatching.returncode}")


def _make_due(url: str, campaign: Campaign) -> None:
    """Give one first email of each mailbox a time of its own in the next minutes."""
    with psycopg.connect(libpq_url(url)) as conn:
        conn.execute(
            """
            WITH first AS (
                SELECT DISTINCT ON (e.mailbox_id) e.id
                FROM scheduled_emails AS e JOIN steps AS s ON s.id = e.step_id AND s.position = 1
                WHERE e.status = 'PENDING' AND e.workspace_id = %(workspace_id)s
                ORDER BY e.mailbox_id, e.send_at
            ), numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS number FROM first LIMIT %(most)s)
            UPDATE scheduled_emails AS e
            SET send_at = %(since)s + n.number * %(every)s, window_day = %(day)s, send_day = %(day)s
            FROM numbered AS n WHERE e.id = n.id
            """,
            {
                "workspace_id": campaign.workspace_id,
                "most": _MOST_DUE,
                "since": SUNDAY,
                "every": _EVERY,
                "day": SUNDAY.date(),
            },
        )


def _lateness_s(url: str, began_at: datetime) -> list[float]:
    """
    Of each claimed email; the claim is the beginning of its lease, by the database's clock.

    Without those that the recalculation itself placed at its own beginning: they were not there before.
    """
    with psycopg.connect(libpq_url(url)) as conn:
        rows = conn.execute(
            """
            SELECT extract(epoch FROM (lease_until - %(lease)s - %(began_at)s) - (send_at - %(since)s))
            FROM scheduled_emails
            WHERE status = 'QUEUED' AND lease_until - %(lease)s >= %(began_at)s AND send_at > %(since)s
            """,
            {"lease": LEASE, "began_at": began_at, "since": SUNDAY},
        ).fetchall()
    return [float(row[0]) for row in rows]
