"""The three roles, which belong to the whole PostgreSQL cluster and not to one database."""

import time

import psycopg.errors
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from persistence.database import Role

_ATTEMPTS = 10
_PAUSE_S = 0.05


class MissingPrivileges(Exception):
    """The login may not do what an administrator can: *remedy* is the SQL to run as one, in this database."""

    def __init__(self, *, login: str, remedy: str) -> None:
        super().__init__(f"the login {login} may not prepare the roles; as an administrator run: {remedy}")
        self.login = login
        self.remedy = remedy


def create_roles(conn: Connection) -> None:
    """
    Make the roles that are missing, let this login take them on, and open the schema to them.

    A migration of another database of the cluster may do the same at this moment: whoever comes
    second looks again and finds it done.

    Raises:
        MissingPrivileges: Roles or rights are missing that this login cannot give.
    """
    for _ in range(_ATTEMPTS):
        wanting = _wanting(conn)
        if not wanting:
            conn.commit()
            return
        _try_all(conn, wanting)
        time.sleep(_PAUSE_S)
    raise MissingPrivileges(login=_login(conn), remedy="; ".join(_wanting(conn)))


def _try_all(conn: Connection, statements: list[str]) -> None:
    """Run them all or none. What fails for want of a right, or because another was faster, just stays so."""
    try:
        for statement in statements:
            conn.execute(text(statement))
        conn.commit()
    except DBAPIError as error:
        conn.rollback()
        if not isinstance(error.orig, _LEAVES_UNDONE):
            raise


# InternalError is how PostgreSQL words "tuple concurrently updated".
_LEAVES_UNDONE = (
    psycopg.errors.DuplicateObject,
    psycopg.errors.UniqueViolation,
    psycopg.errors.InternalError_,
    psycopg.errors.InsufficientPrivilege,
)


def _wanting(conn: Connection) -> list[str]:
    """The statements that are still to run; what exists needs no right to make it."""
    login = _login(conn)
    existing = set(conn.scalars(text("SELECT rolname FROM pg_roles")))
    statements = []
    for role in Role:
        if role not in existing:
            statements.append(f"CREATE ROLE {role} NOLOGIN")
        if role not in existing or not _can_take_on(conn, role):
            statements.append(f'GRANT {role} TO "{login}"')
    for role, privilege in _ON_SCHEMA:
        granted = {"role": str(role), "privilege": privilege}
        if role not in existing or not conn.scalar(_HAS_ON_SCHEMA, granted):
            statements.append(f"GRANT {privilege} ON SCHEMA public TO {role}")
    return statements


_ON_SCHEMA = [(Role.OWNER, "CREATE"), (Role.OWNER, "USAGE"), (Role.API, "USAGE"), (Role.WORKER, "USAGE")]
_HAS_ON_SCHEMA = text("SELECT has_schema_privilege(:role, 'public', :privilege)")


def _login(conn: Connection) -> str:
    return str(conn.scalar(text("SELECT session_user")))


def _can_take_on(conn: Connection, role: Role) -> bool:
    """Since PostgreSQL 16 the maker of a role is its member without the right to SET ROLE to it."""
    version = conn.dialect.server_version_info or ()
    kind = "SET" if version >= (16,) else "MEMBER"
    granted = conn.scalar(text("SELECT pg_has_role(:role, :kind)"), {"role": str(role), "kind": kind})
    return bool(granted)
