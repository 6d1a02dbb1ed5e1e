"""Reading members and invitations."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.tables import invitations, members, users

MEMBER_ORDER = Order((uuid_key(members.c.id),))
INVITATION_ORDER = Order((uuid_key(invitations.c.id),))


def members_where(workspace_id: UUID) -> AnySelect:
    """Members, with what their provider says of them."""
    return (
        select(members, users.c.name, users.c.email, users.c.avatar_url)
        .join(users, users.c.id == members.c.user_id)
        .where(members.c.workspace_id == workspace_id)
    )


async def members_by_id(conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[AnyRow]:
    return (await conn.execute(members_where(workspace_id).where(among(members.c.id, ids)))).all()


def invitations_where(workspace_id: UUID) -> AnySelect:
    """Invitations that still bring somebody in."""
    return select(invitations).where(
        invitations.c.workspace_id == workspace_id, invitations.c.expires_at > func.now()
    )


async def invitations_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    found = invitations_where(workspace_id).where(among(invitations.c.id, ids))
    return (await conn.execute(found)).all()
