"""The circuit of a mailbox: how long its host is left alone after trouble with it, and who tries it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.delivery import NEEDS_A_PERSON, ActsOn, Outcome, Verdict
from domain.replies import Fault, Reply

# Troubles in a row that open a circuit.
OPENS_AFTER = 3


class CircuitState(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, slots=True)
class Encounter:
    """
    What one conversation told of the mailbox's host: it answered, or there was *trouble*, in its words.

    *retry_after* is the rest that the host itself asked for.
    """

    trouble: str | None = None
    retry_after: timedelta | None = None


ANSWERED = Encounter()
"""The host answered: what nearly every conversation tells."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """*troubles* in a row, none of them after an answer; *rests_until* is business time."""

    troubles: int = 0
    rests_until: datetime | None = None

    @property
    def has_opened(self) -> bool:
        """Open or half-open: one email at a time tries the host, and only when its rest is over."""
        return self.troubles >= OPENS_AFTER

    def state(self, now: datetime) -> CircuitState:
        if not self.has_opened:
            return CircuitState.CLOSED
        is_resting = self.rests_until is not None and now < self.rests_until
        return CircuitState.OPEN if is_resting else CircuitState.HALF_OPEN

    def after(self, encounter: Encounter, *, now: datetime, schedule: Sequence[timedelta]) -> "Circuit":
        """
        The circuit after *encounter*, which ended at *now*. *schedule* are its rests, the last for ever.

        Trouble while it is open was met by an email that began before, and says nothing new.
        """
        if encounter.trouble is None:
            return Circuit()
        if self.state(now) is CircuitState.OPEN:
            return self
        troubles = self.troubles + 1
        if troubles < OPENS_AFTER:
            return Circuit(troubles)
        return Circuit(troubles, now + (encounter.retry_after or rest_after(troubles, schedule)))


def rest_after(troubles: int, schedule: Sequence[timedelta]) -> timedelta:
    """How long the host is left alone after so many *troubles* in a row."""
    return schedule[min(max(troubles - OPENS_AFTER, 0), len(schedule) - 1)]


def encounter_of(answer: Reply | Fault, found: Verdict, detail: str = "") -> Encounter | None:
    """
    What *answer*, judged as *found*, tells of the host; None when it was not asked. *detail* words a fault.

    Silence after the dot leaves the email in doubt, and is trouble with the host: every email more that is
    handed to it would be in doubt as well.
    """
    if isinstance(answer, Fault):
        return None if answer in NEEDS_A_PERSON else Encounter(detail or str(answer))
    if found.acts_on is ActsOn.HOST or found.outcome is Outcome.IN_DOUBT:
        return Encounter(f"{answer.code} {answer.text}".rstrip(), answer.try_again_in)
    return ANSWERED
