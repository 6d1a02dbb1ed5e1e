"""Pushes: what keeps an email from leaving earlier, one thing after the other, each with an instant."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class Constraint(StrEnum):
    """What keeps an email from leaving earlier."""

    ENROLLED = "ENROLLED"
    PREVIOUS_STEP = "PREVIOUS_STEP"
    WAIT = "WAIT"
    NOT_BEFORE = "NOT_BEFORE"
    FAIR_SHARE = "FAIR_SHARE"
    FIRST_DATE = "FIRST_DATE"
    PLANNED = "PLANNED"
    HOLIDAY = "HOLIDAY"
    WINDOW = "WINDOW"
    WORKING_HOURS = "WORKING_HOURS"
    NO_SLOT_LEFT = "NO_SLOT_LEFT"
    MAILBOX_FULL = "MAILBOX_FULL"
    RECIPIENT_DOMAIN_FULL = "RECIPIENT_DOMAIN_FULL"
    NEW_CONTACTS_FULL = "NEW_CONTACTS_FULL"
    CONTACT_MIN_GAP = "CONTACT_MIN_GAP"
    SLOT_TAKEN = "SLOT_TAKEN"
    EVEN_SPACING = "EVEN_SPACING"
    PACE = "PACE"
    SET_BY_HAND = "SET_BY_HAND"
    KEPT = "KEPT"


@dataclass(frozen=True, slots=True)
class Push:
    """*constraint* held the email back *until* then, in UTC; *detail* names the days or steps concerned."""

    constraint: Constraint
    until: datetime
    detail: str


class Chain:
    """Pushes in the making, none of them beyond *last*, the time that the email has."""

    def __init__(self, last: datetime | None) -> None:
        self.pushes: list[Push] = []
        self.cursor = datetime.min.replace(tzinfo=UTC)
        self.is_broken = False
        self.kept_because = "today's rules would give it another time"
        self._last = last

    def push(self, constraint: Constraint, until: datetime, detail: str) -> None:
        """Note that *constraint* pushed to *until*, unless something else had pushed as far."""
        self.is_broken = self.is_broken or (self._last is not None and until > self._last)
        if until > self.cursor and not self.is_broken:
            self.pushes.append(Push(constraint, until, detail))
            self.cursor = until

    def end(self) -> None:
        """Whatever the rules of today do not say is a promise that is kept."""
        self.end_by(Constraint.KEPT, self.kept_because)

    def end_by(self, constraint: Constraint, detail: str) -> None:
        """Let *constraint* push to the end, if nothing has yet."""
        if self._last is not None and self.cursor < self._last:
            self.pushes.append(Push(constraint, self._last, detail))
            self.cursor = self._last
