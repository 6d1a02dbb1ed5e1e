"""API keys as they are asked for."""

from datetime import datetime

import strawberry

from api.access_vocabulary import Scope


@strawberry.input(description="A new API key for this workspace.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="What it is for.")
    scopes: list[Scope] = strawberry.field(
        default_factory=lambda: [Scope.READ, Scope.WRITE],
        description="What it may do, within what the caller may.",
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it stops to work; never by default."
    )


@strawberry.input(description="Which API key stops to work.")
class RevokeApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(description="The key's id, not the key itself.")
