"""Why PostgreSQL cannot be used, in words that an operator can act on."""

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from persistence.database import UnsafeRole
from persistence.migrations import UnknownRevision
from persistence.migrations.roles import MissingPrivileges


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and what helps against it."""

    cause: str
    remedy: str


# libpq has no codes for a connection that fails, only these words; the first that is found counts.
_BY_WORDS = (
    ("failed to resolve host", "correct the host in DRUMBEAT_DATABASE_URL"),
    ("Connection refused", "start PostgreSQL, or correct host and port in DRUMBEAT_DATABASE_URL"),
    (
        "No such file or directory",
        "start PostgreSQL, or correct the socket's folder in DRUMBEAT_DATABASE_URL",
    ),
    ("timeout expired", "open the way to PostgreSQL: a firewall drops what is sent there"),
    ("password authentication failed", "correct user name and password in DRUMBEAT_DATABASE_URL"),
    ('role "drumbeat_', "run `drumbeat migrate`, which makes the roles of Drumbeat"),
    ("permission denied to set role", "run `drumbeat migrate` with this login, which grants it the roles"),
    ('role "', "correct the user name in DRUMBEAT_DATABASE_URL"),
    ('database "', "create the database, or correct its name in DRUMBEAT_DATABASE_URL"),
    ("too many", "raise max_connections of PostgreSQL, or lower DRUMBEAT_DATABASE_POOL_SIZE"),
)


def fault_of(error: Exception) -> Fault:
    """Translate what a connection, a migration or the check of a role raised."""
    if isinstance(error, MissingPrivileges):
        return Fault(
            f"the login {error.login} may not prepare the roles of Drumbeat",
            f"have an administrator run in this database: {error.remedy}",
        )
    if isinstance(error, UnknownRevision):
        return Fault(str(error), "upgrade this Drumbeat to the version that migrated the database")
    if isinstance(error, UnsafeRole):
        return Fault(
            f"{error.wanted} is not safe: {error.because}",
            f"ALTER ROLE {error.wanted} NOSUPERUSER NOBYPASSRLS; connect past a pooler that drops options",
        )
    words = _last_words(error)
    remedy = next((remedy for said, remedy in _BY_WORDS if said in words), "see the log of PostgreSQL")
    return Fault(words, remedy)


def _last_words(error: Exception) -> str:
    """What the server or the system said, without where it was said and without hints of libpq."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()
    return said[0].rpartition("FATAL:")[2].strip() if said else type(error).__name__
