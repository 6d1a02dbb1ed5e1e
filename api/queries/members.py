"""Asking for members and invitations."""

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.types.member import Invitation, Member
from persistence.reading.members import INVITATION_ORDER, MEMBER_ORDER, invitations_where, members_where


@strawberry.type
class MemberQueries:
    @resolves("Members of the workspace, by when they joined.")
    async def members(
        self,
        info: Info,
        order: InDirection = Direction.ASC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Member]:
        rows = members_where(info.context.workspace_id)
        return await connection(info, Member, rows, MEMBER_ORDER, Paging(first, after, last, before, order))

    @resolves("Invitations to the workspace that still bring somebody in, by when they were first made.")
    async def invitations(
        self,
        info: Info,
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Invitation]:
        rows = invitations_where(info.context.workspace_id)
        paging = Paging(first, after, last, before, order)
        return await connection(info, Invitation, rows, INVITATION_ORDER, paging)
