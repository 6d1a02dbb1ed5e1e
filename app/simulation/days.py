"""The days of a simulation: what left on each, mailbox by mailbox, and what changed."""

from dataclasses import dataclass
from datetime import date, timedelta

from app.simulation.reading import NamedScenario
from domain.recalculations import RecalculationCause
from domain.scenarios import Change, Joining, Night
from domain.tally import Simulation

# More columns fit no terminal, and more colours nobody can tell apart.
_MOST_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Day:
    """A date, and the emails that left on it in the order of :attr:`SentByDay.names`."""

    date: date
    sent: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.sent)


@dataclass(frozen=True, slots=True)
class SentByDay:
    """Every date from the first to the last email; of many mailboxes the last are counted as one."""

    names: tuple[str, ...]
    days: tuple[Day, ...]

    @property
    def totals(self) -> tuple[int, ...]:
        return tuple(sum(day.sent[number] for day in self.days) for number in range(len(self.names)))


def sent_by_day(named: NamedScenario, simulation: Simulation) -> SentByDay:
    ids, names = list(named.mailboxes), list(named.mailboxes.values())
    groups = [[each] for each in ids]
    if len(ids) > _MOST_COLUMNS:
        alone = _MOST_COLUMNS - 1
        groups = [*groups[:alone], ids[alone:]]
        names = [*names[:alone], f"{len(ids) - alone} others"]
    dates = {day for day, _ in simulation.sent}
    if not dates:
        return SentByDay(tuple(names), ())
    first, last = min(dates), max(dates)
    every = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return SentByDay(
        tuple(names),
        tuple(
            Day(day, tuple(sum(simulation.sent.get((day, each), 0) for each in group) for group in groups))
            for day in every
        ),
    )


def words_of(change: Change, named: NamedScenario) -> str:
    """What happened, in a few words: `south removed`."""
    if isinstance(change, Joining):
        return f"{change.number} join {named.sequences[change.sequence_id]}"
    if isinstance(change, Night):
        return "night"
    name = named.mailboxes[change.mailbox_id]
    if change.cause is RecalculationCause.CAPACITY_CHANGED:
        return f"{name} {change.daily_capacity or 'unlimited'} a day"
    return f"{name} {change.cause.removeprefix('MAILBOX_').lower()}"
