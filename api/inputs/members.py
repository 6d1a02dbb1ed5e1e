"""Members and invitations as they are asked for."""

import strawberry

from api.access_vocabulary import MemberRole
from api.scalars import EmailAddress


@strawberry.input(description="Whom to invite.")
class InviteMemberInput:
    email: EmailAddress = strawberry.field(
        description="The address that they log in with. Nothing is sent to it: tell them yourself."
    )
    role: MemberRole = strawberry.field(default=MemberRole.MEMBER, description="What they may do then.")


@strawberry.input(description="Which invitation is taken back.")
class RevokeInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(description="The id of the invitation.")


@strawberry.input(description="What a member may do from now on.")
class UpdateMemberInput:
    member_id: strawberry.ID = strawberry.field(description="The id of the member.")
    role: MemberRole = strawberry.field(description="Their new role.")


@strawberry.input(description="Who is to be a member no more.")
class RemoveMemberInput:
    member_id: strawberry.ID = strawberry.field(description="The id of the member.")
