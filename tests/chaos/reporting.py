"""How a long measurement says what it does, and in the end what it found."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import typer

Say = Callable[[str], object]
_WIDTH = 26


def run(main: Callable[..., None]) -> None:
    """Run the command *main*; a traceback comes plain."""
    command = typer.Typer(pretty_exceptions_enable=False)
    command.command()(main)
    command()


def report(figures: Mapping[str, Any], breaches: Sequence[str]) -> None:
    """
    A table and the *breaches* on standard error, a line of JSON on standard output; exit code 1 with any.

    A figure that is a table itself is shown line by line.
    """
    for name, figure in figures.items():
        for line, value in figure.items() if isinstance(figure, dict) else {name: figure}.items():
            typer.echo(f"{line:<{_WIDTH}} {value!s:>10}", err=True)
    sys.stdout.write(f"{json.dumps(figures)}\n")
    for breach in breaches:
        typer.secho(breach, fg="red", err=True)
    raise typer.Exit(1 if breaches else 0)
