"""API keys."""

from datetime import datetime

import strawberry

from api.access_vocabulary import Scope
from api.types.node import Node


@strawberry.type(
    description="A key that opens this workspace. The key itself is shown once, when it is made."
)
class ApiKey(Node):
    name: str = strawberry.field(description="What it is for.")
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    expires_at: datetime | None = strawberry.field(description="When it stops to work, if it does.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked, if it was.")
    last_used_at: datetime | None = strawberry.field(description="When it was last used, to the minute.")
    created_at: datetime = strawberry.field(description="When it was made.")
