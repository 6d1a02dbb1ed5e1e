"""Mutations of the caller's workspace."""

from collections.abc import Mapping
from typing import Any

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
        default=None,
        description="The replanning that the change makes necessary, for the window if that changed; null if"
        " it makes none so.",
    )


@strawberry.type
class WorkspaceMutations:
    @mutation(
        "Change the workspace. Another window replans the sequences that have none of their own: emails that"
        " it has no place for move. A wider gap between a contact's emails moves those that are too close;"
        " after a narrower one those move that gain more than a day by it."
    )
    async def update_workspace(
        self, info: Info, asked: Input[UpdateWorkspaceInput]
    ) -> UpdateWorkspacePayload:
        with Problems() as problems:
            changes = asked.changes(problems)
        async with changing(info, asked, about=About("Workspace", info.context.workspace_id)) as change:
            before = await lock_workspace(
                change.conn, change.workspace_id, expected_version=asked.expected_version
            )
            if changes:
                await change_workspace(change.conn, change.workspace_id, changes=changes)
            causes = _causes_of(before._mapping, {**before._mapping, **changes})
            recalculation = await change.recalculate(*causes) if causes else None
            return UpdateWorkspacePayload(
                workspace=await change.workspace(), recalculation=recalculation, preview=change.preview
            )


# Any: by column.
def _causes_of(before: Mapping[Any, Any], after: Mapping[str, Any]) -> list[RecalculationCause]:
    """Why a change of the workspace makes a replan necessary, if it does."""
    causes = []
    if before["send_window"] != after["send_window"]:
        causes.append(RecalculationCause.WINDOW_CHANGED)
    gap_before, gap = before["contact_min_gap_days"] or 0, after["contact_min_gap_days"] or 0
    if gap > gap_before:
        causes.append(RecalculationCause.CONTACT_GAP_RAISED)
    if gap < gap_before:
        causes.append(RecalculationCause.CONTACT_GAP_LOWERED)
    return causes
