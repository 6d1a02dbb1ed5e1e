"""Members of a workspace, and invitations to it."""

from datetime import datetime

import strawberry

from api.access_vocabulary import MemberRole
from api.types.node import Node


@strawberry.type(description="A person who may enter the workspace.")
class Member(Node):
    name: str = strawberry.field(description="The person's name, as their provider told it last.")
    email: str = strawberry.field(description="The person's address, as their provider told it last.")
    avatar_url: str | None = strawberry.field(description="A picture of the person, if there is one.")
    role: MemberRole = strawberry.field(description="What they may do here.")
    created_at: datetime = strawberry.field(description="When they joined.")
    updated_at: datetime = strawberry.field(description="When their role was last changed.")


@strawberry.type(
    description="An address whose owner joins the workspace with their next login, if they have none."
)
class Invitation(Node):
    email: str = strawberry.field(description="The address; the provider has to vouch for it.")
    role: MemberRole = strawberry.field(description="What its owner may do then.")
    invited_by: str = strawberry.field(description="Who invited it.")
    expires_at: datetime = strawberry.field(description="When it stops to bring anybody in.")
    created_at: datetime = strawberry.field(description="When it was first invited.")
    updated_at: datetime = strawberry.field(description="When it was last invited.")
