"""Members of a workspace, and the invitations by which they come."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import MemberRole
from domain.addresses import EmailAddress
from domain.ids import WorkspaceId
from persistence.ids import uuid7
from persistence.refusals import LastOwner, Noun, UnknownObject
from persistence.tables import invitations, members

INVITATION_LASTS = timedelta(days=14)


async def invite(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    email: EmailAddress,
    role: MemberRole,
    invited_by: str,
) -> UUID:
    """Invite an address; one that is invited already gets this role instead, for as long again."""
    told = {
        "email": email.text,
        "role": role,
        "invited_by": invited_by,
        "expires_at": func.now() + INVITATION_LASTS,
    }
    row = {"id": uuid7(), "workspace_id": workspace_id, "normalised_email": email.normalised} | told
    written = upsert(invitations).values(row)
    written = written.on_conflict_do_update(
        index_elements=[invitations.c.workspace_id, invitations.c.normalised_email],
        set_=told | {"updated_at": func.now()},
    )
    invitation_id: UUID = (await conn.execute(written.returning(invitations.c.id))).scalar_one()
    return invitation_id


async def withdraw_invitation(conn: AsyncConnection, workspace_id: WorkspaceId, invitation_id: UUID) -> None:
    """
    Let the invitation bring nobody in any more.

    Raises:
        UnknownObject: The workspace has no such invitation, perhaps because it was taken up.
    """
    mine = (invitations.c.workspace_id == workspace_id, invitations.c.id == invitation_id)
    if (await conn.execute(delete(invitations).where(*mine))).rowcount != 1:
        raise UnknownObject(Noun.INVITATION, [invitation_id])


async def change_role(
    conn: AsyncConnection, workspace_id: WorkspaceId, member_id: UUID, role: MemberRole
) -> None:
    """
    Let a member be something else, from their next request on.

    Raises:
        UnknownObject: The workspace has no such member.
        LastOwner: Nobody could manage the workspace then.
    """
    if role is not MemberRole.OWNER:
        await _keep_an_owner(conn, workspace_id, besides=member_id)
    changed = update(members).where(members.c.workspace_id == workspace_id, members.c.id == member_id)
    if (await conn.execute(changed.values(role=role))).rowcount != 1:
        raise UnknownObject(Noun.MEMBER, [member_id])


async def remove_member(conn: AsyncConnection, workspace_id: WorkspaceId, member_id: UUID) -> None:
    """
    Let a member be none any more; their sessions here end with it.

    Raises:
        UnknownObject: The workspace has no such member.
        LastOwner: Nobody could manage the workspace then.
    """
    await _keep_an_owner(conn, workspace_id, besides=member_id)
    removed = delete(members).where(members.c.workspace_id == workspace_id, members.c.id == member_id)
    if (await conn.execute(removed)).rowcount != 1:
        raise UnknownObject(Noun.MEMBER, [member_id])


async def _keep_an_owner(conn: AsyncConnection, workspace_id: WorkspaceId, *, besides: UUID) -> None:
    """Locks the owners, so that two of them cannot let each other go at the same moment."""
    owning = (members.c.workspace_id == workspace_id, members.c.role == MemberRole.OWNER)
    locked = select(members.c.id).where(*owning).order_by(members.c.id).with_for_update()
    if list(await conn.scalars(locked)) == [besides]:
        raise LastOwner
