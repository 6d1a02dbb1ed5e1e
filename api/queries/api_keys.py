"""Asking for API keys."""

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.types.api_key import ApiKey
from persistence.reading.api_keys import ORDER, api_keys_where


@strawberry.type
class ApiKeyQueries:
    @resolves("API keys of the workspace, revoked and expired ones too, by when they were made.")
    async def api_keys(
        self,
        info: Info,
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[ApiKey]:
        rows = api_keys_where(info.context.workspace_id)
        return await connection(info, ApiKey, rows, ORDER, Paging(first, after, last, before, order))
