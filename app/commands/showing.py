"""The commands that change nothing: how the installation is, and what its API looks like."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.misconfiguration import EXIT_CODE

if TYPE_CHECKING:
    from actors.endpoints import Endpoint
    from app.settings import Settings

_WIDTH = 12
_WIDE = 19


class Encryption(StrEnum):
    """How the connection to an SMTP server is encrypted; the words of a mailbox's `security`."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


def doctor(
    smtp: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Also look at this SMTP server; no email is sent.")
    ] = None,
    smtp_security: Annotated[
        Encryption | None,
        typer.Option(help="How it is encrypted. [default: tls on port 465, starttls on others]"),
    ] = None,
) -> None:
    """
    Look at settings, database, migrations, roles and broker, and say what is wrong and what helps.

    Exit code 0 when all is well, 78 when something has to be set right.
    """
    from app.settings import load_settings

    endpoint = _endpoint(smtp, smtp_security) if smtp else None
    if not asyncio.run(_report(load_settings(), endpoint)):
        raise typer.Exit(EXIT_CODE)


async def _report(settings: "Settings", smtp: "Endpoint | None") -> bool:
    """Print each finding as soon as it is there; whether all is well."""
    from app.examination import examine

    is_well = True
    async for finding in examine(settings, smtp=smtp):
        is_well = is_well and finding.is_fine
        mark = typer.style("✓", fg="green") if finding.is_fine else typer.style("✗", fg="red")
        typer.echo(f"{mark} {finding.part:<{_WIDTH}} {finding.words}")
        if finding.remedy:
            typer.echo(f"  {'':<{_WIDTH}} → {finding.remedy}")
    return is_well


def _endpoint(address: str, encryption: Encryption | None) -> "Endpoint":
    from actors.endpoints import Endpoint
    from domain.mailboxes import Security

    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise typer.BadParameter(f"{address!r} is not like smtp.example.com:587", param_hint="--smtp")
    encryption = encryption or (Encryption.TLS if port == "465" else Encryption.STARTTLS)
    return Endpoint(host.strip("[]"), int(port), Security[encryption.name])


def verify(
    against: Annotated[
        Path | None,
        typer.Option(metavar="LOG", help="Also compare with this log of `python -m app.capture_server`."),
    ] = None,
) -> None:
    """
    Look in the rows for anything that breaks a promise: quotas, spacing, windows, order, at most once.

    Changes nothing. Exit code 0 when every promise is kept, 1 when one is not.
    """
    from app.settings import load_settings

    settings = load_settings()
    settings.require("database_url")
    if against is not None and not against.is_file():
        raise typer.BadParameter(f"{against} is no file", param_hint="--against")
    if not asyncio.run(_verify(settings, against)):
        raise typer.Exit(1)


async def _verify(settings: "Settings", against: Path | None) -> bool:
    """Print each promise as soon as it was looked at; whether all are kept."""
    from app.business_clock import business_clock_of
    from app.verification import states, verify
    from persistence.database import Role, open_database

    database = open_database(settings.database_url, Role.WORKER)
    are_kept = True
    try:
        now = await business_clock_of(settings, database).now()
        async for verified in verify(database, now=now, against=against):
            count, first = verified.breach.count, ", ".join(verified.breach.first)
            are_kept = are_kept and count == 0
            mark = typer.style("✗", fg="red") if count else typer.style("✓", fg="green")
            typer.echo(f"{mark} {verified.name:<{_WIDE}} {verified.words}")
            if count:
                typer.echo(f"  {'':<{_WIDE}} → broken {count} times, by {first}")
        counted = await states(database)
    finally:
        await database.aclose()
    parts = [f"{emails} {status}" for status, emails in sorted(counted.items())]
    typer.echo(f"{sum(counted.values())} emails: {', '.join(parts) or 'none'}")
    return are_kept


def schema() -> None:
    """Print the GraphQL schema in its own language."""
    from api.schema import print_sdl

    typer.echo(print_sdl(), nl=False)
