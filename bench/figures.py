"""Figures: what a work took, beside its floor and how far above that it may be."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Reach:
    """
    How far a figure may go: so many *times* its floor, and so much of its own unit *more*.

    Of what is the better the more there is of it, it has to be *at least* as much.
    """

    times: float = 0
    more: float = 0
    at_least: bool = False

    def says(self, unit: str) -> str:
        parts = [f"{self.times:g} x floor"] if self.times else []
        parts += [f"{self.more:g} {unit}"] if self.more else []
        return (">= " if self.at_least else "<= ") + " + ".join(parts)


@dataclass(frozen=True, slots=True)
class Work:
    """Something that is measured, in *unit*."""

    name: str
    unit: str
    reach: Reach


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and its floor, taken in the same round."""

    value: float
    floor: float

    @property
    def ratio(self) -> float:
        return self.value / self.floor


@dataclass(frozen=True, slots=True)
class Figure:
    """All rounds of one work, at least one."""

    work: Work
    rounds: Sequence[Measured]

    @property
    def value(self) -> float:
        return median(each.value for each in self.rounds)

    @property
    def floor(self) -> float:
        return median(each.floor for each in self.rounds)

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios, which may differ from the quotient of the medians."""
        return median(each.ratio for each in self.rounds)

    @property
    def met(self) -> bool:
        reach = self.work.reach
        beyond = median(each.value - reach.times * each.floor for each in self.rounds)
        return beyond >= reach.more if reach.at_least else beyond <= reach.more

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "work": self.work.name,
                "value": round(self.value, 4),
                "unit": self.work.unit,
                "floor": round(self.floor, 4),
                "ratio": round(self.ratio, 3),
                "reach": self.work.reach.says(self.work.unit),
                "met": self.met,
            }
        )


@dataclass(frozen=True, slots=True)
class Missing:
    """A work that was not measured, and what it lacked: its reach is not met."""

    work: Work
    why: str

    def line(self) -> str:
        """One line of JSON."""
        unmeasured = dict.fromkeys(("value", "floor", "ratio"))
        reach = self.work.reach.says(self.work.unit)
        named = {"work": self.work.name, "unit": self.work.unit, "reach": reach}
        return json.dumps(named | unmeasured | {"met": False, "missing": self.why})


Rounds = dict[Work, list[Measured]]


def note(rounds: Rounds, work: Work, value: float, floor: float) -> None:
    """Keep a figure, and tell of it at once: a run takes minutes."""
    rounds.setdefault(work, []).append(Measured(value, floor))
    sys.stderr.write(f"{work.name}: {value:.2f} {work.unit}, floor {floor:.2f}\n")


def figures_of(rounds: Rounds) -> list[Figure]:
    return [Figure(work, measured) for work, measured in rounds.items()]


def report(figures: Sequence[Figure], *, title: str, width: int, missing: Sequence[Missing] = ()) -> None:
    """A line of JSON per figure on standard output, and a table on standard error; what is *missing* too."""
    for line in [each.line() for each in figures] + [each.line() for each in missing]:
        sys.stdout.write(line + "\n")
    console = Console(stderr=True, width=width)
    console.print(table_of(figures, title=title))
    for lacking in missing:
        console.print(f"{lacking.work.name}: not measured, {lacking.why}")


def table_of(figures: Iterable[Figure], *, title: str) -> Table:
    """The figures for people, with the least and the greatest ratio of their rounds."""
    table = Table(title=title)
    for heading in ("work", "value", "unit", "floor", "ratio", "rounds", "reach", "met"):
        table.add_column(heading, justify="right" if heading in ("value", "floor", "ratio") else "left")
    for figure in figures:
        ratios = [each.ratio for each in figure.rounds]
        table.add_row(
            figure.work.name,
            f"{figure.value:.2f}",
            figure.work.unit,
            f"{figure.floor:.2f}",
            f"{figure.ratio:.2f}",
            f"{min(ratios):.2f}..{max(ratios):.2f}",
            figure.work.reach.says(figure.work.unit),
            "yes" if figure.met else "no",
        )
    return table
