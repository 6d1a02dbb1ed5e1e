"""Asking who one is."""

import strawberry

from api.access_vocabulary import Scope
from api.context import Info
from api.fields import resolves
from api.types.node import present
from api.types.workspace import Viewer, Workspace


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
