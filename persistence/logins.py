"""Logins that began: each may come back once, within minutes."""

from datetime import timedelta

from sqlalchemy import delete, func, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.secrets import new_secret, secret_hash
from persistence.tables import logins

LOGIN_LASTS = timedelta(minutes=10)


async def begin_login(conn: AsyncConnection) -> str:
    """Note a login, and return what its browser has to bring back. Those that are over are forgotten."""
    token = new_secret()
    await conn.execute(delete(logins).where(logins.c.expires_at < func.now()))
    await conn.execute(
        insert(logins).values(token_hash=secret_hash(token), expires_at=func.now() + LOGIN_LASTS)
    )
    return token


async def end_login(conn: AsyncConnection, token: str) -> bool:
    """Take the login back; False when it is over, came back already, or never began."""
    ended = await conn.execute(
        delete(logins).where(logins.c.token_hash == secret_hash(token), logins.c.expires_at > func.now())
    )
    return ended.rowcount == 1
