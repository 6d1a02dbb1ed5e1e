"""Mutations that show a rebalance before it is made, and make the one that was shown."""

import strawberry

from api.context import Info
from api.inputs.problems import Problems
from api.inputs.rebalance import CommitRebalanceInput, PreviewRebalanceInput
from api.mutations.answers import Input, Payload, mutation
from api.mutations.change import changing
from api.plan_previews import check_kept, promised, shown
from api.types.plan_preview import PlanPreview
from api.types.recalculation import Recalculation
from domain.recalculations import RecalculationCause
from persistence.promises import stored
from persistence.rebalance_preview import check_scope, preview_rebalance


@strawberry.type(description="The answer to `previewRebalance`.")
class PreviewRebalancePayload(Payload):
    preview: PlanPreview | None = strawberry.field(
        default=None, description="What would change; null if it could not be worked out."
    )


@strawberry.type(description="The answer to `commitRebalance`.")
class CommitRebalancePayload(Payload):
    recalculation: Recalculation | None = strawberry.field(
        default=None,
        description=(
            "The replanning that carries the preview out; null if the mutation was not done. Should it move"
            " anything else by the time it begins, it ends `FAILED` with `PLAN_MOVED` and changes nothing."
        ),
    )


@strawberry.type
class RebalancePreviewMutations:
    @mutation(
        "Work out what a rebalance would change, with the figures that it would report. Writes nothing."
    )
    async def preview_rebalance(
        self, info: Info, asked: Input[PreviewRebalanceInput]
    ) -> PreviewRebalancePayload:
        with Problems() as problems:
            scope = asked.scope(problems)
        context = info.context
        now = await context.now()
        async with context.snapshot() as conn:
            await check_scope(conn, context.workspace_id, scope)
            rebalance = await preview_rebalance(conn, context.workspace_id, scope, now=now)
            return PreviewRebalancePayload(
                preview=await shown(conn, context, rebalance, scope=scope, as_of=now)
            )

    @mutation(
        "Make the rebalance that was previewed, unless it would by now change the plan in any other way."
    )
    async def commit_rebalance(
        self, info: Info, asked: Input[CommitRebalanceInput]
    ) -> CommitRebalancePayload:
        context = info.context
        promise = promised(context, asked.token, field="token")
        now = await context.now()
        # A first look, for an answer at once; what decides is the recalculator's look under the plan lock.
        async with context.snapshot() as conn:
            rebalance = await preview_rebalance(conn, context.workspace_id, promise.scope, now=promise.as_of)
        check_kept(rebalance, promise, now=now, field="token")
        async with changing(info) as change:
            return CommitRebalancePayload(
                recalculation=await change.recalculate(
                    RecalculationCause.REBALANCE,
                    sequence_id=promise.scope.sequence_id,
                    details=stored(promise),
                )
            )
