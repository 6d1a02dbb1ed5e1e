"""
Chaos: kill everything at random while emails leave, then count.

`python -m tests.chaos.chaos --kills 500 --emails 50000 --seed 1`
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer

from tests.chaos.accounts import Accounts, account
from tests.chaos.fast_days import FastDays
from tests.chaos.faults import Faults, draw
from tests.chaos.installation import Installation, installation
from tests.chaos.messages import Messages
from tests.chaos.reporting import Say, report, run
from tests.chaos.traffic import SUBJECTS, Traffic, make_sequence

_MAILBOXES = 120
# Emails that are asked for before they leave.
AHEAD = 1_500
# A fault waits for the emails before it, and not for ever: what is down may be what sends them.
_LONGEST_PAUSE_S = 4.0
_SETTLED_WITHIN_S = 240.0
# Nobody is torn out of a day any more.
_HURRY = 2
# What is not enrolled yet when the last fault has struck leaves at this pace at least.
_SLOWEST_PER_S = 20


@dataclass(frozen=True)
class Outcome:
    """The accounts of a chaos, and what it was; *unanswered* requests were made again by the client."""

    accounts: Accounts
    faults: dict[str, int]
    unanswered: int
    seed: int
    seconds: float
    settling_s: float

    def as_json(self) -> dict[str, Any]:
        chaos: dict[str, Any] = {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "settling_s": round(self.settling_s, 1),
        }
        chaos |= {"unanswered": self.unanswered, "faults": self.faults}
        return chaos | self.accounts.as_json()


def run_chaos(
    directory: Path, *, kills: int, emails: int, seed: int, say: Say = lambda line: None
) -> Outcome:
    """
    Let *kills* faults happen, spread over the receipt of *emails*, then heal everything and count.

    Raises:
        TimeoutError: If not everything is settled in time.
    """
    chance = Random(seed)  # noqa: S311
    began = time.monotonic()
    with installation(directory, seed=seed) as running:
        days = FastDays(running.database_url)
        faults = Faults(running, chance, Messages(running.vhost))
        traffic = Traffic(
            running,
            make_sequence(running, mailboxes=_MAILBOXES),
            contacts=emails // len(SUBJECTS),
            wants_more=lambda enrolled: enrolled * len(SUBJECTS) - running.log.count() < AHEAD,
        )
        days.start()
        traffic.start()
        try:
            for number, kind in enumerate(draw(chance, kills)):
                _wait_for(running, faults, number * emails // kills)
                faults.happen(kind)
                passed_s = time.monotonic() - began
                say(f"{passed_s:6.0f} s  fault {number + 1}/{kills}: {kind}, {_progress(running)}")
            healed = time.monotonic()
            faults.thaw(everyone=True)
            days.speed *= _HURRY
            settle(running, traffic, say, within_s=_SETTLED_WITHIN_S + emails / _SLOWEST_PER_S)
            settling_s = time.monotonic() - healed
        finally:
            traffic.stop.set()
            traffic.join()
            days.stop()
        accounts = account(running, traffic.enrolled, most_interrupted=faults.most_in_doubt)
    seconds = time.monotonic() - began
    return Outcome(accounts, dict(faults.happened), traffic.unanswered, seed, seconds, settling_s)


def _wait_for(running: Installation, faults: Faults, letters: int) -> None:
    deadline = time.monotonic() + _LONGEST_PAUSE_S
    while running.log.count() < letters and time.monotonic() < deadline:
        faults.thaw()
        time.sleep(0.05)


def settle(running: Installation, traffic: Traffic, say: Say, *, within_s: float = _SETTLED_WITHIN_S) -> None:
    """
    Wait until *traffic* has enrolled everyone and everything of them is settled.

    Raises:
        TimeoutError: If that takes longer than *within_s*.
    """
    deadline = time.monotonic() + within_s
    said = time.monotonic()
    while traffic.is_alive() or not running.is_settled():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not settled after {within_s:.0f} s: {running.states()}")
        if time.monotonic() - said > 5:
            said = time.monotonic()
            say(f"          settling, {_progress(running)}")
        time.sleep(0.1)


def _progress(running: Installation) -> str:
    return f"{running.log.count()} letters received"


def main(
    kills: Annotated[int, typer.Option(min=1)] = 40,
    emails: Annotated[int, typer.Option(min=2)] = 3_000,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Progress goes to standard error, a line of JSON with the result to standard output."""
    with tempfile.TemporaryDirectory(prefix="drumbeat-chaos-") as directory:
        outcome = run_chaos(
            Path(directory),
            kills=kills,
            emails=emails,
            seed=seed,
            say=lambda line: typer.echo(line, err=True),
        )
    report(outcome.as_json(), outcome.accounts.breaches)


if __name__ == "__main__":
    run(main)
