"""Sessions: a person who is logged in, in one workspace, until they leave it alone or it is over."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import MemberRole
from domain.ids import WorkspaceId
from persistence.database import enter_workspace
from persistence.secrets import new_secret, secret_hash
from persistence.tables import members, sessions, users

SESSION_LASTS = timedelta(days=14)
SESSION_IDLES = timedelta(hours=12)
_LAST_USE_GRAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """Who asks, as far as a session tells; *role* is what they are in its workspace now."""

    workspace_id: WorkspaceId
    user_id: UUID
    role: MemberRole
    name: str
    email: str
    avatar_url: str | None


async def open_session(conn: AsyncConnection, workspace_id: WorkspaceId, user_id: UUID) -> str:
    """Begin a session of a member, and return what their browser holds; only its hash is kept."""
    token = new_secret()
    row = {"workspace_id": workspace_id, "user_id": user_id, "token_hash": secret_hash(token)}
    times = {"last_used_at": func.now(), "expires_at": func.now() + SESSION_LASTS}
    await conn.execute(delete(sessions).where(sessions.c.user_id == user_id, _IS_OVER))
    await conn.execute(insert(sessions).values(row | times))
    return token


async def recognise(conn: AsyncConnection, token: str) -> SessionIdentity | None:
    """
    Whose session it is, and enter its workspace; None when it is unknown or over.

    Needs no workspace: row-level security shows a session to whoever brings its hash. The use is noted once
    a minute.
    """
    await _bring(conn, token)
    of_token = select(sessions, _IS_NEWLY_USED).where(sessions.c.token_hash == secret_hash(token), ~_IS_OVER)
    session = (await conn.execute(of_token)).one_or_none()
    if session is None:
        return None
    workspace_id = WorkspaceId(session.workspace_id)
    await enter_workspace(conn, workspace_id)
    person = (
        select(users.c.id, users.c.name, users.c.email, users.c.avatar_url, members.c.role)
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.workspace_id == workspace_id, users.c.id == session.user_id)
    )
    found = (await conn.execute(person)).one()
    if session.is_newly_used:
        await conn.execute(
            update(sessions).where(sessions.c.id == session.id).values(last_used_at=func.now())
        )
    return SessionIdentity(
        workspace_id=workspace_id,
        user_id=found.id,
        role=MemberRole(found.role),
        name=found.name,
        email=found.email,
        avatar_url=found.avatar_url,
    )


_IS_OVER = (sessions.c.expires_at <= func.now()) | (sessions.c.last_used_at <= func.now() - SESSION_IDLES)
_IS_NEWLY_USED = (sessions.c.last_used_at < func.now() - _LAST_USE_GRAIN).label("is_newly_used")


async def close_session(conn: AsyncConnection, token: str) -> bool:
    """Let the session open nothing from now on; False when there is none."""
    await _bring(conn, token)
    of_token = sessions.c.token_hash == secret_hash(token)
    workspace_id = await conn.scalar(select(sessions.c.workspace_id).where(of_token))
    if workspace_id is None:
        return False
    await enter_workspace(conn, workspace_id)
    await conn.execute(delete(sessions).where(of_token))
    return True


async def _bring(conn: AsyncConnection, token: str) -> None:
    await conn.execute(_BRING_HASH, {"session_hash": secret_hash(token).hex()})


_BRING_HASH = text("SELECT set_config('drumbeat.session_hash', :session_hash, true)")
