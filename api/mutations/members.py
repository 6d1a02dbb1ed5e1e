"""Mutations of members and invitations."""

import strawberry

from api.context import Info
from api.inputs import values
from api.inputs.keys import invitation_key, member_key
from api.inputs.members import InviteMemberInput, RemoveMemberInput, RevokeInvitationInput, UpdateMemberInput
from api.inputs.problems import Problems
from api.mutations.answers import Input, Payload, mutation
from api.mutations.change import changing
from api.types.member import Invitation, Member
from domain.access import Scope
from persistence.members import change_role, invite, remove_member, withdraw_invitation


@strawberry.type(description="The answer to `inviteMember`.")
class InviteMemberPayload(Payload):
    invitation: Invitation | None = strawberry.field(
        default=None, description="The invitation; null if the mutation was not done."
    )


@strawberry.type(description="The answer to `revokeInvitation`.")
class RevokeInvitationPayload(Payload):
    pass


@strawberry.type(description="The answer to `updateMember`.")
class UpdateMemberPayload(Payload):
    member: Member | None = strawberry.field(
        default=None, description="The member as they are now; null if the mutation was not done."
    )


@strawberry.type(description="The answer to `removeMember`.")
class RemoveMemberPayload(Payload):
    pass


@strawberry.type
class MemberMutations:
    @mutation(
        "Invite a person: they join with their next login within two weeks, unless they have a workspace by"
        " then. Inviting an address again gives it the new role, and two weeks more.",
        needs=Scope.ADMIN,
    )
    async def invite_member(self, info: Info, asked: Input[InviteMemberInput]) -> InviteMemberPayload:
        with Problems() as problems, problems.at("email"):
            email = values.address(asked.email)
        async with changing(info) as change:
            invitation_id = await invite(
                change.conn,
                change.workspace_id,
                email=email,
                role=asked.role,
                invited_by=info.context.caller.actor,
            )
            return InviteMemberPayload(invitation=await change.invitation(invitation_id))

    @mutation("Take an invitation back; it brings nobody in any more.", needs=Scope.ADMIN)
    async def revoke_invitation(
        self, info: Info, asked: Input[RevokeInvitationInput]
    ) -> RevokeInvitationPayload:
        with Problems() as problems:
            invitation_id = invitation_key(asked.invitation_id, problems)
        async with changing(info) as change:
            await withdraw_invitation(change.conn, change.workspace_id, invitation_id)
            return RevokeInvitationPayload()

    @mutation("Give a member another role, from their next request on.", needs=Scope.ADMIN)
    async def update_member(self, info: Info, asked: Input[UpdateMemberInput]) -> UpdateMemberPayload:
        with Problems() as problems:
            member_id = member_key(asked.member_id, problems)
        async with changing(info) as change:
            await change_role(change.conn, change.workspace_id, member_id, asked.role)
            return UpdateMemberPayload(member=await change.member(member_id))

    @mutation("Remove a member; their sessions here end at once. API keys stay.", needs=Scope.ADMIN)
    async def remove_member(self, info: Info, asked: Input[RemoveMemberInput]) -> RemoveMemberPayload:
        with Problems() as problems:
            member_id = member_key(asked.member_id, problems)
        async with changing(info) as change:
            await remove_member(change.conn, change.workspace_id, member_id)
            return RemoveMemberPayload()
