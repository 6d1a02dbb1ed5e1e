"""`drumbeat`, the command: every way to run and to look after an installation."""

import typer

from app.commands import migrating, running, showing, simulating, workspaces
from app.misconfiguration import EXIT_CODE, Misconfigured

cli = typer.Typer(
    help="Email sequences planned in advance, explained, and sent at most once.",
    epilog="Settings are DRUMBEAT_* in the environment or in a file .env; .env.example tells all of them.",
    no_args_is_help=True,
    add_completion=False,
    # A traceback with the values of variables could show addresses and secrets.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_TRY_IT, _RUN, _LOOK_AFTER = "Try it", "Run it", "Look after it"

cli.command(rich_help_panel=_TRY_IT)(running.demo)
cli.command(rich_help_panel=_TRY_IT)(running.up)
cli.command(rich_help_panel=_RUN)(migrating.migrate)
cli.command(rich_help_panel=_RUN)(running.api)
cli.command(rich_help_panel=_RUN)(running.worker)
cli.command(rich_help_panel=_RUN)(running.clock)
cli.command(rich_help_panel=_LOOK_AFTER)(showing.doctor)
cli.command(rich_help_panel=_LOOK_AFTER)(showing.verify)
cli.command(rich_help_panel=_LOOK_AFTER)(showing.schema)
cli.command(rich_help_panel=_LOOK_AFTER)(simulating.simulate)
cli.add_typer(workspaces.cli, name="workspace", rich_help_panel=_LOOK_AFTER)


def main() -> None:
    """Run the command; what is set wrongly is said in a line each, with exit code 78 and no traceback."""
    try:
        cli()
    except Misconfigured as error:
        for problem in error.problems:
            typer.secho(problem, fg=typer.colors.RED, err=True)
        raise SystemExit(EXIT_CODE) from None


if __name__ == "__main__":
    main()
