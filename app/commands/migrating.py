"""The command that brings the database up to this version."""

import typer

from app.misconfiguration import Misconfigured


def migrate() -> None:
    """
    Bring the database up to this version: makes tables and roles, from nothing if need be.

    May be run at any time and in several places at once. There is no way back but a backup.
    """
    from sqlalchemy.exc import DBAPIError

    from app.database_faults import fault_of
    from app.settings import load_settings
    from persistence import migrations
    from persistence.migrations.roles import MissingPrivileges

    settings = load_settings()
    settings.require("database_url")
    try:
        revisions = migrations.migrate(settings.database_url)
    except (DBAPIError, MissingPrivileges, migrations.UnknownRevision) as error:
        fault = fault_of(error)
        raise Misconfigured([f"{fault.cause}: {fault.remedy}"]) from error
    done = f"migrated: {', '.join(revisions)}" if revisions else "nothing to migrate: the database is current"
    typer.echo(done)
