"""
A backlog: after an outage everything is overdue, and no limit is broken in catching up.

`python -m tests.chaos.backlog --emails 100000 --mailboxes 200`
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from app.captured_mail import read_log
from app.founding import found_workspace
from bench.campaign import Campaign
from tests.chaos.fast_days import OPENS_AT, FastDays
from tests.chaos.installation import SETTINGS, Installation, installation
from tests.chaos.overdue import GAP_S, WINDOW, make_overdue
from tests.chaos.reporting import Say, report, run
from tests.chaos.traffic import ENROLL, make_sequence

_STARTED = ("clock", "clock-2", "worker", "worker-2", "worker-3")
_SETTINGS = SETTINGS | {"DRUMBEAT_LEASE_S": "60", "DRUMBEAT_MOST_QUEUED": "1000"}
# Of one mailbox on one day: evenly spread over the window, one every ten seconds.
CAPACITY = 60
_SPACING_S = WINDOW.total_seconds() / CAPACITY
_NEIGHBOUR = "first@neighbour.test"

# What catching up has to keep to.
_PLACED_WITHIN_S = 60.0
_NEIGHBOUR_WITHIN_S = 60.0
_LEAST_SHARE = 0.95
_MOST_MEMORY_MB = 300.0

_OVERDUE = "SELECT count(*) FROM scheduled_emails WHERE status = 'PENDING' AND send_at < %s"
_UNEXPLAINED = """
SELECT count(*) FROM scheduled_emails AS e WHERE e.workspace_id = %s AND NOT EXISTS (
    SELECT FROM email_moves AS m WHERE m.email_id = e.id AND m.cause = 'LATE'
)
"""
# The shortest time between two emails of a mailbox, and the most that it sent on a day.
_PACE = """
SELECT min(seconds), (
    SELECT max(emails) FROM (
        SELECT count(*) AS emails FROM scheduled_emails
        WHERE workspace_id = %(workspace)s AND status = 'SENT' GROUP BY mailbox_id, quota_day
    ) AS by_day
) FROM (
    SELECT extract(epoch FROM last_attempt_at - lag(last_attempt_at) OVER (
        PARTITION BY mailbox_id ORDER BY last_attempt_at
    )) AS seconds
    FROM scheduled_emails WHERE workspace_id = %(workspace)s AND last_attempt_at IS NOT NULL
) AS gaps
"""


@dataclass(frozen=True)
class Backlog:
    """
    How the catching up went, in real seconds since the outage was over.

    *closest_s* is the shortest time between two attempts of one mailbox. *allowed* is what the quota, spread
    over the window, let leave in the *measured_s* after the last was placed.
    """

    emails: int
    mailboxes: int
    placed_s: float
    unexplained: int
    neighbour_s: float
    measured_s: float
    allowed: int
    sent: int
    closest_s: float
    most_a_day: int
    most_memory_mb: float
    states: dict[str, int]
    is_verified: bool
    verification: str

    @property
    def breaches(self) -> list[str]:
        """What should not be; empty when catching up kept to everything."""
        found = {
            f"placed after {self.placed_s:.0f} s": self.placed_s > _PLACED_WITHIN_S,
            f"{self.unexplained} emails were moved without a cause": self.unexplained,
            f"the neighbour waited {self.neighbour_s:.0f} s": self.neighbour_s > _NEIGHBOUR_WITHIN_S,
            f"{self.sent} of {self.allowed} emails left": self.sent < _LEAST_SHARE * self.allowed,
            f"two emails of a mailbox were {self.closest_s:.1f} s apart": self.closest_s < GAP_S,
            f"a mailbox sent {self.most_a_day} emails on a day": self.most_a_day > CAPACITY,
            f"a worker took {self.most_memory_mb:.0f} MB": self.most_memory_mb > _MOST_MEMORY_MB,
            f"drumbeat verify: {self.verification}": not self.is_verified,
        }
        return [breach for breach, is_so in found.items() if is_so]

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "verification"}


def catch_up(
    directory: Path, *, emails: int, mailboxes: int, measured_s: float, say: Say = lambda line: None
) -> Backlog:
    """
    End an outage that left *emails* overdue in *mailboxes*, and watch for *measured_s* after they are placed.

    Raises:
        TimeoutError: If they are not placed, or the neighbour's email does not leave, in a multiple of the
            time they have.
    """
    with installation(directory, seed=0, also=(), settings=_SETTINGS, reset_percent=0) as running:
        campaign = make_overdue(running, emails=emails, mailboxes=mailboxes, capacity=CAPACITY)
        days = FastDays(running.database_url, window=WINDOW, speed=1)
        _make_neighbour(running)
        say(f"{emails} emails are overdue")
        began = time.monotonic()
        for name in _STARTED:
            running.system.start(name)
        days.start()
        try:
            return _watch(running, campaign, began=began, emails=emails, measured_s=measured_s, say=say)
        finally:
            days.stop()


def _make_neighbour(running: Installation) -> None:
    """Another workspace, with one contact enrolled."""
    _, key = asyncio.run(found_workspace(running.database_url, name="Neighbour Ltd", zone="UTC"))
    neighbour = replace(running, key=key)
    sequence_id = make_sequence(neighbour, mailboxes=1, domain="neighbour.example")
    neighbour.ask(ENROLL, id=sequence_id, contacts=[{"email": _NEIGHBOUR}])


def _watch(
    running: Installation, campaign: Campaign, *, began: float, emails: int, measured_s: float, say: Say
) -> Backlog:
    def passed_s() -> float:
        return time.monotonic() - began

    (begins_at,) = running.rows("SELECT present FROM business_clock")[0]
    waited = _until(
        {
            "everything has a new time": lambda: running.rows(_OVERDUE, begins_at)[0][0] == 0,
            "the neighbour's email has left": lambda: _has_arrived(running, _NEIGHBOUR),
        },
        passed_s,
        say,
    )
    slots = round(measured_s / _SPACING_S)
    sent = _sent_in(running, slots, lambda letters: say(f"{passed_s():6.1f} s  {letters} letters received"))
    exit_code, verification = running.verify()
    unexplained = running.rows(_UNEXPLAINED, campaign.workspace_id)[0][0]
    closest_s, most_a_day = running.rows(_PACE, workspace=campaign.workspace_id)[0]
    return Backlog(
        emails=emails,
        mailboxes=len(campaign.mailbox_ids),
        placed_s=round(waited["everything has a new time"], 1),
        unexplained=unexplained,
        neighbour_s=round(waited["the neighbour's email has left"], 1),
        measured_s=slots * _SPACING_S,
        allowed=len(campaign.mailbox_ids) * slots,
        sent=sent,
        closest_s=round(float(closest_s), 2),
        most_a_day=most_a_day,
        most_memory_mb=round(max(map(running.system.most_memory_mb, _STARTED[2:])), 1),
        states=dict(running.states()),
        is_verified=exit_code == 0,
        verification=verification,
    )


def _sent_in(running: Installation, slots: int, say: Callable[[int], object]) -> int:
    """How many letters arrive while *slots* of each mailbox pass, from the middle between two of them on."""
    while _between_slots(running) < _SPACING_S / 2:
        time.sleep(0.1)
    began, before = time.monotonic(), running.log.count()
    for number in range(slots):
        time.sleep(max(0.0, began + (number + 1) * _SPACING_S - time.monotonic()))
        say(running.log.count())
    return running.log.count() - before


def _between_slots(running: Installation) -> float:
    """Seconds since the last slot of the mailboxes."""
    (present,) = running.rows("SELECT present FROM business_clock")[0]
    since_s: float = (present - OPENS_AT).total_seconds() % _SPACING_S
    return since_s


def _until(
    events: Mapping[str, Callable[[], bool]], passed_s: Callable[[], float], say: Say
) -> dict[str, float]:
    """Wait until all *events* have happened; the seconds that each took."""
    seen: dict[str, float] = {}
    while len(seen) < len(events):
        if passed_s() > 5 * _PLACED_WITHIN_S:
            raise TimeoutError(f"only {list(seen)} in {passed_s():.0f} s")
        for name, has_happened in events.items():
            if name not in seen and has_happened():
                seen[name] = passed_s()
                say(f"{seen[name]:6.1f} s  {name}")
        time.sleep(0.2)
    return seen


def _has_arrived(running: Installation, recipient: str) -> bool:
    return running.log.count() > 0 and any(
        each.recipient == recipient for each in read_log(running.log.path)[0]
    )


def main(
    emails: Annotated[int, typer.Option(min=1)] = 100_000,
    mailboxes: Annotated[int, typer.Option(min=1)] = 200,
    seconds: Annotated[float, typer.Option(help="How long to watch once all is placed.")] = 180,
) -> None:
    """Progress goes to standard error, a line of JSON with the result to standard output."""
    with tempfile.TemporaryDirectory(prefix="drumbeat-backlog-") as directory:
        backlog = catch_up(
            Path(directory),
            emails=emails,
            mailboxes=mailboxes,
            measured_s=seconds,
            say=lambda line: typer.echo(line, err=True),
        )
    report(backlog.as_json(), backlog.breaches)


if __name__ == "__main__":
    run(main)
