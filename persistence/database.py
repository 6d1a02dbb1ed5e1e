"""The way to PostgreSQL: one pool per role, transactions scoped to a workspace, notifications."""

import asyncio
import re
import select
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

import psycopg
from sqlalchemy import URL, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.ids import WorkspaceId
from persistence.id_arrays import ArrayDumper

CHANNEL = "drumbeat"


class Role(StrEnum):
    """What a connection may do; granted by the migrations, and effective whatever the login is."""

    OWNER = "drumbeat_owner"
    API = "drumbeat_api"
    WORKER = "drumbeat_worker"


# An answer that takes longer has lost its reader; planning and claims are bounded by their own limits.
_STATEMENT_TIMEOUT_MS = {Role.API: 10_000}


class UnsafeRole(Exception):
    """Row-level security would not hold for this connection, so nothing may be started on it."""

    def __init__(self, *, wanted: Role, effective: str, because: str) -> None:
        super().__init__(f"connected as {effective} instead of a plain {wanted}: {because}")
        self.wanted = wanted
        self.effective = effective
        self.because = because


class Database:
    """A pool of connections that all have one role. Made by `open_database`, ended by `aclose`."""

    def __init__(self, engine: AsyncEngine, role: Role, *, pool_size: int = 5) -> None:
        self.engine = engine
        self.role = role
        # Whoever waits for a connection of the pool may be overtaken by all who come later; here nobody is.
        self.turns = asyncio.Semaphore(pool_size)
        # The same pool.
        self._snapshots = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    @asynccontextmanager
    async def transaction(self, workspace_id: WorkspaceId | None = None) -> AsyncIterator[AsyncConnection]:
        """
        One transaction: committed at the end of the block, rolled back when it raises.

        Row-level security shows `Role.API` the rows of *workspace_id* alone, and none without it.
        """
        async with self.engine.begin() as conn:
            if workspace_id is not None:
                await enter_workspace(conn, workspace_id)
            yield conn

    @asynccontextmanager
    async def snapshot(self, workspace_id: WorkspaceId) -> AsyncIterator[AsyncConnection]:
        """A transaction that can only read, and whose statements all see *workspace_id* at one moment."""
        async with self._snapshots.begin() as conn:
            await enter_workspace(conn, workspace_id)
            yield conn

    async def check_role(self) -> None:
        """
        Make sure that row-level security holds here.

        Raises:
            UnsafeRole: The effective role is another one, a superuser, or may bypass row-level security.
        """
        async with self.engine.connect() as conn:
            effective, is_super, may_bypass = (await conn.execute(_EFFECTIVE_ROLE)).one()
        for is_so, because in (
            (is_super, "it is a superuser"),
            (may_bypass, "it has BYPASSRLS"),
            (effective != self.role, "the role of the connection was not taken over"),
        ):
            if is_so:
                raise UnsafeRole(wanted=self.role, effective=effective, because=because)

    async def aclose(self) -> None:
        await self.engine.dispose()


_EFFECTIVE_ROLE = text("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")


def open_database(url: str, role: Role, *, pool_size: int = 5) -> Database:
    """
    Make a pool of at most *pool_size* connections with *role*; the first one is opened when needed.

    The login of *url* must be a member of the role, or a superuser. Sessions are in UTC.
    """
    engine = create_async_engine(
        sqlalchemy_url(url),
        connect_args={
            "options": _session_options(url, role),
            "application_name": f"drumbeat {role.name.lower()}",
        },
        pool_size=pool_size,
        # The one that was used last: it has what it needs at hand, and its statements planned.
        pool_use_lifo=True,
        # Parameters are addresses and texts of letters, which belong into no log.
        hide_parameters=True,
        max_overflow=0,
    )
    event.listen(engine.sync_engine, "connect", _send_arrays_in_binary)
    event.listen(engine.sync_engine, "checkout", _see_that_it_is_open)
    return Database(engine, role, pool_size=pool_size)


def _send_arrays_in_binary(connection: DBAPIConnection, _: object) -> None:
    """Sets of ids are arrays: written as text, as psycopg does unasked, each costs five times as much."""
    connection.driver_connection.adapters.register_dumper(list, ArrayDumper)


def _see_that_it_is_open(connection: DBAPIConnection, *others: object) -> None:
    """
    Refuse a pooled connection that its server has closed, so that a restart of PostgreSQL is no error.

    The pool then makes a new one in its place. The socket tells: nothing comes unasked from an open one, or
    it is a message that the driver takes in. A round trip for this question would be as dear as an answer.
    """
    ours = connection.driver_connection.pgconn
    asked = select.poll()
    asked.register(ours.socket, select.POLLIN)
    try:
        # The last words of a server come before the end of what it says.
        for _ in range(_LAST_WORDS):
            if not asked.poll(0):
                return
            ours.consume_input()
    except psycopg.OperationalError:
        pass
    raise DisconnectionError


_LAST_WORDS = 3


async def enter_workspace(conn: AsyncConnection, workspace_id: WorkspaceId) -> None:
    """Show this transaction the rows of *workspace_id*."""
    await conn.execute(_ENTER, {"workspace": str(workspace_id)})


# As the driver takes it.
ENTER = "SELECT set_config('drumbeat.workspace', %s, true)"
_ENTER = text("SELECT set_config('drumbeat.workspace', :workspace, true)")


def sqlalchemy_url(url: str) -> URL:
    """*url* for SQLAlchemy over psycopg 3; `postgresql://` and `postgres://` are taken."""
    return make_url(_SCHEME.sub("postgresql+psycopg://", url))


def libpq_url(url: str) -> str:
    """*url* for psycopg itself."""
    return _SCHEME.sub("postgresql://", url)


_SCHEME = re.compile(r"\Apostgres(ql)?(\+psycopg)?://")


def _session_options(url: str, role: Role) -> str:
    """Settings of the session, after those that the URL brings: they hold from its first statement on."""
    brought: Any = make_url(url).query.get("options", "")  # str or tuple, as often as it was given
    # A statement that looks up hundreds of rows counts as dear, and ends before it would be compiled.
    settings = {"role": str(role), "timezone": "UTC", "jit": "off"}
    if role in _STATEMENT_TIMEOUT_MS:
        settings["statement_timeout"] = str(_STATEMENT_TIMEOUT_MS[role])
    ours = " ".join(f"-c {name}={setting}" for name, setting in settings.items())
    return " ".join([*([brought] if isinstance(brought, str) else brought), ours]).strip()


async def notify(conn: AsyncConnection, topic: str) -> None:
    """Tell every listener *topic* once this transaction commits; not at all when it does not."""
    await conn.execute(_NOTIFY, {"channel": CHANNEL, "topic": topic})


_NOTIFY = text("SELECT pg_notify(:channel, :topic)")


class Listener:
    """A connection that hears notifications, in the order of their commits. Made by `listen`."""

    def __init__(self, conn: "psycopg.AsyncConnection[Any]") -> None:
        self._conn = conn
        self._heard: deque[str] = deque()

    async def next(self, timeout_s: float) -> str | None:
        """
        The next topic, or None when nothing came within *timeout_s* seconds.

        Raises:
            psycopg.OperationalError: The connection is lost, and with it what was said meanwhile.
        """
        if not self._heard:
            # All that arrived together is kept: the generator forgets the rest when it is left early.
            self._heard.extend(
                [heard.payload async for heard in self._conn.notifies(timeout=timeout_s, stop_after=1)]
            )
        return self._heard.popleft() if self._heard else None


@asynccontextmanager
async def listen(url: str, *, role: Role = Role.WORKER, channel: str = CHANNEL) -> AsyncIterator[Listener]:
    """Open a connection of its own that hears everything notified on *channel* after this point."""
    conn = await psycopg.AsyncConnection.connect(
        libpq_url(url),
        autocommit=True,
        options=_session_options(url, role),
        application_name=f"drumbeat {role.name.lower()} listener",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
    )
    async with conn:
        await conn.execute(f"LISTEN {channel}")
        yield Listener(conn)
