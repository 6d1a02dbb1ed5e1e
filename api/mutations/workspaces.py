"""Mutations of the caller's workspace."""

import strawberry

from api.auditing import About
from api.context import Info
from api.inputs.problems import Problems
from api.inputs.workspaces import UpdateWorkspaceInput
from api.mutations.answers import Input, RehearsedPayload, mutation
from api.mutations.change import changing
from api.types.recalculation import Recalculation
from api.types.workspace import Workspace
from domain.recalculations import RecalculationCause
from persistence.workspaces import change_workspace, lock_workspace


@strawberry.type(description="The answer to `updateWorkspace`.")
class UpdateWorkspacePayload(RehearsedPayload):
    workspace: Workspace | None = strawberry.field(
        default=None, description="The workspace as it is now; null if the mutation was not done."
    )
    recalculation: Recalculation | None = strawberry.field(
        default=None, description="The replanning that the change makes necessary; null if it makes none so."
    )


@strawberry.type
class WorkspaceMutations:
    @mutation(
        "Change the workspace. A wider gap between a contact's emails moves those that are too close; after a"
        " narrower one those move that gain more than a day by it."
    )
    async def update_workspace(
        self, info: Info, asked: Input[UpdateWorkspaceInput]
    ) -> UpdateWorkspacePayload:
        with Problems() as problems:
            changes = asked.changes(problems)
        async with changing(info, asked, about=About("Workspace", info.context.workspace_id)) as change:
            before = await lock_workspace(change.conn, change.workspace_id)
            if changes:
                await change_workspace(change.conn, change.workspace_id, changes=changes)
            gap = changes.get("contact_min_gap_days", before.contact_min_gap_days)
            cause = _cause_of(before.contact_min_gap_days or 0, gap or 0)
            recalculation = None if cause is None else await change.recalculate(cause)
            return UpdateWorkspacePayload(
                workspace=await change.workspace(), recalculation=recalculation, preview=change.preview
            )


def _cause_of(before: int, after: int) -> RecalculationCause | None:
    """Why another gap, in days, makes a replan necessary, if it does."""
    if before == after:
        return None
    is_wider = after > before
    return RecalculationCause.CONTACT_GAP_RAISED if is_wider else RecalculationCause.CONTACT_GAP_LOWERED
