"""Accounts: what was promised, what the receiver's log says, and what the rows say."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from app.captured_mail import read_log
from tests.chaos.installation import Installation
from tests.chaos.traffic import SUBJECTS

# An email as the receiver knows it: to whom, and with which subject.
Letter = tuple[str, str]

_IN_DOUBT = """
SELECT c.email, e.subject FROM scheduled_emails AS e JOIN contacts AS c ON c.id = e.contact_id
WHERE e.status = 'IN_DOUBT'
"""


@dataclass(frozen=True)
class Accounts:
    """
    How it ended. *promised* are the emails of everyone whom the API said to have enrolled.

    *lost* were neither received nor are they listed in doubt; *twice* were received more than once; *unasked*
    were received and not promised; *overtaking* came before the step in front of them.
    """

    promised: int
    received: int
    lost: int
    twice: int
    unasked: int
    overtaking: int
    in_doubt: int
    in_doubt_received: int
    most_in_doubt: int
    resets: int
    states: Mapping[str, int]
    is_verified: bool
    verification: str

    @property
    def breaches(self) -> list[str]:
        """What should not be; empty when every promise is kept."""
        found = {
            f"{self.lost} emails are lost": self.lost,
            f"{self.twice} emails arrived twice": self.twice,
            f"{self.unasked} emails arrived that nobody asked for": self.unasked,
            f"{self.overtaking} emails arrived before the step in front of them": self.overtaking,
            f"{self.in_doubt} emails are in doubt, more than {self.most_in_doubt}": (
                self.in_doubt > self.most_in_doubt
            ),
            f"not everything is settled: {self.states}": set(self.states) - {"SENT", "IN_DOUBT"},
            f"drumbeat verify: {self.verification}": not self.is_verified,
        }
        return [breach for breach, is_so in found.items() if is_so]

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "verification"}


def compare(
    promised: Collection[Letter], received: Sequence[Letter], in_doubt: Collection[Letter]
) -> dict[str, int]:
    """The figures of `Accounts` that follow from what was *promised*, came so, and is listed *in_doubt*."""
    asked, came, listed = set(promised), set(received), set(in_doubt)
    return {
        "promised": len(asked),
        "received": len(received),
        "lost": len(asked - came - listed),
        "twice": sum(times > 1 for times in Counter(received).values()),
        "unasked": len(came - asked),
        "overtaking": _overtaking(received),
        "in_doubt": len(in_doubt),
        "in_doubt_received": len(listed & came),
    }


def _overtaking(received: Sequence[Letter]) -> int:
    """How many follow-ups came before the email that they follow."""
    came_at = {letter: number for number, letter in reversed(list(enumerate(received)))}
    return sum(
        came_at.get((recipient, before), number) > number
        for (recipient, subject), number in came_at.items()
        for before, after in pairwise(SUBJECTS)
        if subject == after
    )


def account(running: Installation, enrolled: list[str], *, most_interrupted: int) -> Accounts:
    """
    Count what became of the emails to *enrolled*; *most_interrupted* were on their way when a fault struck.
    """
    resets = running.resets.read_text().count("\n") if running.resets.exists() else 0
    exit_code, verification = running.verify()
    figures = compare(
        [(address, subject) for address in enrolled for subject in SUBJECTS],
        [(each.recipient, each.subject) for each in read_log(running.log.path)[0]],
        [(address, subject) for address, subject in running.rows(_IN_DOUBT)],
    )
    return Accounts(
        **figures,
        most_in_doubt=resets + most_interrupted,
        resets=resets,
        states=dict(running.states()),
        is_verified=exit_code == 0,
        verification=verification,
    )
