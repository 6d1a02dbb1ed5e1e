"""Bringing a database up to the tables of this version of Drumbeat; there is no way down but a backup."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import Connection, NullPool, create_engine, text

from persistence.database import Role, sqlalchemy_url
from persistence.migrations.roles import create_roles

# Any number will do, as long as nobody else locks it: the letters "drumbeat".
_ADVISORY_LOCK = int.from_bytes(b"drumbeat")
_LOCK_POLL_S = 0.05


class UnknownRevision(Exception):
    """The database was migrated by a newer version of Drumbeat than this one."""

    def __init__(self, revision: str) -> None:
        super().__init__(f"the database is at revision {revision}, which this version does not know")
        self.revision = revision


def migrate(url: str) -> list[str]:
    """
    Run the migrations that *url* lacks and return their revisions, oldest first; none when it is current.

    May run in any number of processes at once. The login has to be able to create roles, or has been granted
    `drumbeat_owner`, `drumbeat_api` and `drumbeat_worker` by somebody who is.

    Raises:
        UnknownRevision: The database is newer than this version.
    """
    with _connection(url) as conn, _alone(conn):
        create_roles(conn)
        revisions = _pending(conn)
        if revisions:
            conn.execute(text(f"SET ROLE {Role.OWNER}"))
            conn.commit()
            config = _config()
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
    return revisions


def pending(url: str) -> list[str]:
    """
    The revisions that *url* lacks, oldest first; none when it is current.

    Raises:
        UnknownRevision: The database is newer than this version.
    """
    with _connection(url) as conn:
        return _pending(conn)


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = create_engine(
        sqlalchemy_url(url), poolclass=NullPool, connect_args={"application_name": "drumbeat migrate"}
    )
    with engine.connect() as conn:
        yield conn


@contextmanager
def _alone(conn: Connection) -> Iterator[None]:
    """Hold the migrations' lock of this database; it falls with the connection."""
    attempt = text("SELECT pg_try_advisory_lock(:lock)")
    # Asked for again and again: a session that waits for a lock holds a snapshot, and an index that the
    # other one builds concurrently would wait for that.
    while not conn.scalar(attempt, {"lock": _ADVISORY_LOCK}):
        conn.rollback()
        time.sleep(_LOCK_POLL_S)
    conn.commit()
    yield


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def _pending(conn: Connection) -> list[str]:
    script = ScriptDirectory.from_config(_config())
    current = _current(conn)
    try:
        missing = [entry.revision for entry in script.iterate_revisions("head", current or "base")]
    except RevisionError:
        raise UnknownRevision(str(current)) from None
    return missing[::-1]


def _current(conn: Connection) -> str | None:
    """The database's revision, read as the owner of its tables; None before the first migration."""
    if conn.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        conn.rollback()
        return None
    conn.execute(text(f"SET LOCAL ROLE {Role.OWNER}"))
    current = MigrationContext.configure(conn).get_current_revision()
    conn.rollback()
    return current
