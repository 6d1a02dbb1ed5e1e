"""The commands about workspaces, for whoever runs the installation."""

import asyncio
from typing import Annotated

import typer

from app.misconfiguration import Misconfigured

cli = typer.Typer(help="Workspaces: who they are, and the keys that open them.", no_args_is_help=True)


@cli.callback()
def _workspaces() -> None:
    """Make typer expect the name of a command, although there is only one yet."""


@cli.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call it.", metavar="NAME")],
    zone: Annotated[
        str, typer.Option(help="IANA name of the zone in which its nights are: Europe/Berlin.")
    ] = "UTC",
    key_name: Annotated[str, typer.Option(help="What its first API key is called.")] = "first key",
) -> None:
    """
    Make a workspace and its first API key, which is shown this once.

    Whoever has the key may do everything in the workspace: keep it like a password.
    """
    from sqlalchemy.exc import DBAPIError

    from app.database_faults import fault_of
    from app.founding import found_workspace
    from app.settings import load_settings

    _check_zone(zone)
    if not name.strip():
        raise typer.BadParameter("a workspace needs a name", param_hint="NAME")
    settings = load_settings()
    settings.require("database_url")
    try:
        workspace_id, key = asyncio.run(
            found_workspace(settings.database_url, name=name.strip(), zone=zone, key_name=key_name)
        )
    except DBAPIError as error:
        fault = fault_of(error)
        raise Misconfigured([f"{fault.cause}: {fault.remedy}"]) from error
    typer.echo(f"workspace {workspace_id}\nkey       {key}")


def _check_zone(zone: str) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{zone!r} is no zone of the IANA database", param_hint="--zone") from None
