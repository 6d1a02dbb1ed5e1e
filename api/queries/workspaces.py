"""Asking who one is, and how much is under way."""

import strawberry

from api.access_vocabulary import Scope
from api.context import Info
from api.fields import resolves
from api.types.node import present
from api.types.queue_stats import QueueStats
from api.types.workspace import Viewer, Workspace
from persistence.reading.queue_stats import queue_stats


@strawberry.type
class WorkspaceQueries:
    @resolves("The caller.")
    async def viewer(self, info: Info) -> Viewer:
        row = await info.context.loaders.workspaces.load(info.context.workspace_id)
        caller = info.context.caller
        return Viewer(
            name=caller.name,
            email=caller.email,
            avatar_url=caller.avatar_url,
            role=caller.role,
            scopes=[scope for scope in Scope if scope in caller.scopes],
            workspace=Workspace.of(present(row)),
        )

    @resolves("How much is due, under way and done at this moment.")
    async def queue_stats(self, info: Info) -> QueueStats:
        now = await info.context.now()
        async with info.context.transaction() as conn:
            figures = await queue_stats(conn, info.context.workspace_id, now=now)
        return QueueStats(as_of=now, **figures._mapping)
