"""Fair shares: sequences that share mailboxes share each day's room for new starts, by their weights."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from domain.ids import EnrollmentId, SequenceId
from domain.journeys import Journey


@dataclass(frozen=True, slots=True)
class Newcomers:
    """*number* contacts of one sequence, with that many *emails*, who get their first times in one plan."""

    sequence_id: SequenceId
    weight: int
    number: int
    emails: int


@dataclass(frozen=True, slots=True)
class Starts:
    """
    The *number* of contacts of one sequence who start on *day* and have been sent nothing yet.

    *yielding* are those of them who may give way, with the number of their emails, who came last first.
    """

    sequence_id: SequenceId
    weight: int
    day: date
    number: int
    yielding: Sequence[tuple[EnrollmentId, int]]


def in_fair_order(journeys: Sequence[Journey]) -> Sequence[Journey]:
    """
    *journeys*, which are in turn, in the order in which they are placed.

    The newcomers of several sequences change places among themselves, in proportion to the weights of their
    sequences and each sequence in its own order (start-time fair queueing). Whatever room some of them cannot
    use is left to the others.
    """
    if len({journey.enrollment.sequence.id for journey in journeys}) < 2:
        return journeys
    before: Counter[SequenceId] = Counter()
    ranked: list[tuple[int, float, int]] = []
    for at, journey in enumerate(journeys):
        if journey.enrollment.is_newcomer:
            sequence = journey.enrollment.sequence
            ranked.append((-sequence.priority, before[sequence.id] / sequence.weight, at))
            before[sequence.id] += 1
    if len(before) < 2:
        return journeys
    placed = list(journeys)
    for (_, _, place), (_, _, at) in zip(ranked, sorted(ranked), strict=True):
        placed[place] = journeys[at]
    return placed


def who_yields(newcomers: Newcomers, starts: Iterable[Starts]) -> list[EnrollmentId]:
    """
    Who gives their places to *newcomers*, the earliest starts first, with no more emails than those bring.

    *starts* are those on the mailboxes of the newcomers' sequence, its own among them. Only a sequence that
    waits with more contacts per weight than the newcomers bring gives way, for those who do are placed again
    behind them. On a day it gives up no more than leaves it the share of its weight; or the first start, so
    that a day with room for any has room for a newcomer.
    """
    by_day: dict[date, list[_Share]] = {}
    waiting: Counter[SequenceId] = Counter()
    for each in starts:
        by_day.setdefault(each.day, []).append(_Share(each))
        waiting[each.sequence_id] += each.number
    coming = waiting[newcomers.sequence_id] + newcomers.number
    found: list[EnrollmentId] = []
    emails = newcomers.emails
    for _, shares in sorted(by_day.items()):
        own = sum(each.left for each in shares if each.sequence_id == newcomers.sequence_id)
        bigger = [
            each for each in shares if waiting[each.sequence_id] * newcomers.weight > coming * each.weight
        ]
        while len(found) < newcomers.number:
            giver = max((each for each in bigger if each.may_yield), key=_Share.rank, default=None)
            if giver is None or not giver.gives_up_one(own, newcomers.weight):
                break
            enrollment_id, count = giver.give_up_one()
            emails -= count
            if emails < 0:
                return found
            found.append(enrollment_id)
            own += 1
    return found


class _Share:
    """The starts of one sequence on one day, while some of them are given up."""

    def __init__(self, starts: Starts) -> None:
        self.sequence_id = starts.sequence_id
        self.left = starts.number
        self.weight = starts.weight
        self._yielding = starts.yielding
        self._given = 0

    @property
    def may_yield(self) -> bool:
        return self._given < len(self._yielding)

    def rank(self) -> tuple[float, int]:
        return self.left / self.weight, self.sequence_id.int

    def gives_up_one(self, own: int, weight: int) -> bool:
        """Whether newcomers of *weight* who have *own* starts on the day may have one more of these."""
        return own == 0 or (self.left - 1) * weight >= (own + 1) * self.weight

    def give_up_one(self) -> tuple[EnrollmentId, int]:
        self._given += 1
        self.left -= 1
        return self._yielding[self._given - 1]
