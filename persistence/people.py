"""People: whom a provider vouched for, and the workspaces that they are members of."""

from uuid import UUID

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import MemberRole
from domain.addresses import InvalidAddress, normalised
from domain.identities import Identity, IdentityRefused
from domain.ids import WorkspaceId
from persistence.database import enter_workspace
from persistence.ids import uuid7
from persistence.tables import invitations, members, users
from persistence.workspaces import create_workspace


async def welcome(conn: AsyncConnection, identity: Identity, *, may_found: bool) -> tuple[WorkspaceId, UUID]:
    """
    Let a person in: the workspace that they enter, which is entered for this transaction, and their id.

    Who has no workspace joins the one that invited their address last, if they prove to have it, or else gets
    one of their own. Who has one stays there: an invitation, which anybody may write, takes nobody away.

    Raises:
        IdentityRefused: They are not invited, and nobody *may_found* a workspace by logging in.
    """
    user_id = await _known(conn, identity)
    workspace_id = await _joined_last(conn, user_id)
    if workspace_id is None and identity.is_verified:
        workspace_id = await _join_inviting(conn, user_id, identity)
    if workspace_id is None:
        if not may_found:
            raise IdentityRefused("nobody has invited you")
        workspace_id = await create_workspace(conn, name=identity.name, zone="UTC")
        await _join(conn, workspace_id, user_id, MemberRole.OWNER)
    await enter_workspace(conn, workspace_id)
    return workspace_id, user_id


async def _known(conn: AsyncConnection, identity: Identity) -> UUID:
    """Write down what the provider says now. Two logins of one person at once come one after the other."""
    await conn.execute(_VOUCHED_FOR, {"issuer": identity.issuer, "sub": identity.sub})
    told = {"name": identity.name, "email": identity.email, "avatar_url": identity.avatar_url}
    row = {"id": uuid7(), "issuer": identity.issuer, "sub": identity.sub} | told
    written = upsert(users).values(row)
    written = written.on_conflict_do_update(
        index_elements=[users.c.issuer, users.c.sub], set_=told | {"updated_at": func.now()}
    )
    user_id: UUID = (await conn.execute(written.returning(users.c.id))).scalar_one()
    await conn.execute(_IS_USER, {"user": str(user_id)})
    return user_id


_VOUCHED_FOR = text(
    "SELECT set_config('drumbeat.issuer', :issuer, true), set_config('drumbeat.sub', :sub, true)"
)
_IS_USER = text("SELECT set_config('drumbeat.user', :user, true)")


async def _join_inviting(conn: AsyncConnection, user_id: UUID, identity: Identity) -> WorkspaceId | None:
    """The workspace that invited the address last; None when none did, or not any more."""
    try:
        address = normalised(identity.email)
    except InvalidAddress:
        return None
    await conn.execute(_HAS_ADDRESS, {"address": address})
    to_address = invitations.c.normalised_email == address
    inviting = select(invitations.c.workspace_id).where(to_address, invitations.c.expires_at > func.now())
    for workspace_id in list(await conn.scalars(inviting.order_by(invitations.c.updated_at.desc()))):
        await enter_workspace(conn, workspace_id)
        mine = delete(invitations).where(invitations.c.workspace_id == workspace_id, to_address)
        role = await conn.scalar(mine.returning(invitations.c.role))
        # None: it was taken back meanwhile.
        if role is not None:
            await _join(conn, workspace_id, user_id, MemberRole(role))
            return WorkspaceId(workspace_id)
    return None


_HAS_ADDRESS = text("SELECT set_config('drumbeat.verified_address', :address, true)")


async def _joined_last(conn: AsyncConnection, user_id: UUID) -> WorkspaceId | None:
    newest = select(members.c.workspace_id).where(members.c.user_id == user_id)
    found: UUID | None = await conn.scalar(newest.order_by(members.c.created_at.desc()).limit(1))
    return None if found is None else WorkspaceId(found)


async def _join(conn: AsyncConnection, workspace_id: WorkspaceId, user_id: UUID, role: MemberRole) -> None:
    await conn.execute(insert(members).values(workspace_id=workspace_id, user_id=user_id, role=role))
