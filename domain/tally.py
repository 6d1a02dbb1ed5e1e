"""What a simulation counts: emails by day and mailbox, moves by cause, and how far contacts came."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from domain.ids import MailboxId, SequenceId
from domain.itineraries import Itinerary, MoveCause, PlannedEmail, Slot, UnplacedReason
from domain.scenarios import Change


@dataclass(frozen=True, slots=True)
class Effect:
    """
    What *changes* did to the emails that had a time: how many moved, by cause, how many lost theirs.

    *longest_delay* is by how much the one that was put off most leaves later.
    """

    changes: tuple[Change, ...]
    moved: Mapping[MoveCause, int]
    lost: int
    longest_delay: timedelta

    @classmethod
    def of(cls, changes: tuple[Change, ...], itineraries: Iterable[Itinerary]) -> "Effect":
        touched = [email for each in itineraries for email in each.emails if email.moved_because is not None]
        return cls(
            changes,
            moved=Counter(email.moved_because for email in touched if email.slot and email.moved_because),
            lost=sum(email.slot is None for email in touched),
            longest_delay=max(map(_delay, touched), default=timedelta()),
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the contacts of one sequence came; a contact who replied is not counted as finished."""

    contacts: int
    sent: int
    finished: int
    replied: int
    last_sent_at: datetime | None

    @property
    def unfinished(self) -> int:
        return self.contacts - self.finished - self.replied


@dataclass(frozen=True, slots=True)
class Simulation:
    """
    How a scenario ends.

    *sent* counts emails by the mailbox's local date. *unsent* counts those that never get a time, or wait for
    a mailbox that does not come back.
    """

    sent: Mapping[tuple[date, MailboxId], int]
    effects: tuple[Effect, ...]
    progress: Mapping[SequenceId, Progress]
    unsent: Mapping[UnplacedReason, int]


@dataclass(slots=True)
class Tally:
    """The counts of a simulation under way."""

    effects: list[Effect] = field(default_factory=list)
    contacts: Counter[SequenceId] = field(default_factory=Counter)
    finished: Counter[SequenceId] = field(default_factory=Counter)
    replied: Counter[SequenceId] = field(default_factory=Counter)
    _sent: Counter[tuple[date, MailboxId]] = field(default_factory=Counter)
    _sent_by: Counter[SequenceId] = field(default_factory=Counter)
    _last_sent_at: dict[SequenceId, datetime] = field(default_factory=dict)

    def note_sent(self, slot: Slot, sequence_id: SequenceId) -> None:
        self._sent[slot.send_day, slot.mailbox_id] += 1
        self._sent_by[sequence_id] += 1
        self._last_sent_at[sequence_id] = max(slot.send_at, self._last_sent_at.get(sequence_id, slot.send_at))

    def simulation(
        self, sequence_ids: Iterable[SequenceId], unsent: Mapping[UnplacedReason, int]
    ) -> Simulation:
        progress = {
            sequence_id: Progress(
                contacts=self.contacts[sequence_id],
                sent=self._sent_by[sequence_id],
                finished=self.finished[sequence_id],
                replied=self.replied[sequence_id],
                last_sent_at=self._last_sent_at.get(sequence_id),
            )
            for sequence_id in sequence_ids
        }
        return Simulation(self._sent, tuple(self.effects), progress, unsent)


def _delay(email: PlannedEmail) -> timedelta:
    if email.slot is None or email.leg.held is None:
        return timedelta()
    return max(email.slot.send_at - email.leg.held.send_at, timedelta())
