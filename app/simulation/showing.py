"""Showing a simulation: from the file to the tables on the terminal and the chart."""

from pathlib import Path

from rich.console import Console

from app.misconfiguration import Misconfigured
from app.simulation.chart import chart
from app.simulation.days import sent_by_day
from app.simulation.reading import read_scenario
from app.simulation.tables import changes_table, days_table, ending, sequences_table
from domain.simulation import simulate


def run_simulation(file: Path, *, chart_file: Path | None = None) -> None:
    """
    Simulate the scenario in *file*, print what came of it, and draw it into *chart_file*.

    Raises:
        Misconfigured: If *file* makes no sense, or *chart_file* cannot be written.
    """
    named = read_scenario(file)
    simulation = simulate(named.scenario)
    sent = sent_by_day(named, simulation)
    console = Console(highlight=False)
    console.print(days_table(sent))
    console.print(sequences_table(named, simulation))
    console.print(changes_table(named, simulation))
    console.print(ending(named, simulation), markup=False, soft_wrap=True)
    if chart_file is not None:
        try:
            chart_file.write_text(chart(sent, named), encoding="utf-8")
        except OSError as error:
            raise Misconfigured([f"{chart_file}: cannot be written: {error.strerror}"]) from None
        console.print(f"drawn into {chart_file}", markup=False, soft_wrap=True)
