"""The command that plays a scenario through, and needs neither settings nor a database."""

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    file: Annotated[
        Path,
        typer.Argument(help="The scenario, in TOML; docs/scenarios/welcome.toml is one.", metavar="FILE"),
    ],
    chart: Annotated[
        Path | None,
        typer.Option(
            help="Also draw it: a bar per day, stacked by mailbox.", metavar="FILE.svg", dir_okay=False
        ),
    ] = None,
) -> None:
    """
    Play a scenario through with the planner, without a database, and show what leaves on which day.

    Sends nothing. Exit code 78 when the file makes no sense, with a line for each problem.
    """
    from app.simulation.showing import run_simulation

    if chart is not None and chart.suffix != ".svg":
        raise typer.BadParameter(f"'{chart}' does not end in .svg", param_hint="--chart")
    run_simulation(file, chart_file=chart)
