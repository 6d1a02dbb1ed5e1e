"""Mutations that show a rebalance before it is made, and make the one that was shown."""

import strawberry

from api.context import Context, Info
from api.errors import UserErrorCode
from api.inputs.problems import Problems, refuse
from api.inputs.rebalance import CommitRebalanceInput, PreviewRebalanceInput
from api.mutations.answers import Input, Payload, mutation
from api.mutations.change import changing
from api.types.rebalance_preview import MOST_DAYS, RebalancedDay, RebalancePreview
from api.types.recalculation import Recalculation
from domain.rebalances import Promise, promise_token, read_promise
from domain.recalculations import RecalculationCause
from domain.signed_texts import InvalidToken
from persistence.promises import stored
from persistence.rebalance_preview import DayLoad, Rebalance, check_scope, day_loads, preview_rebalance


@strawberry.type(description="The answer to `previewRebalance`.")
class PreviewRebalancePayload(Payload):
    preview: RebalancePreview | None = strawberry.field(
        default=None, description="What would change; null if it could not be worked out."
    )


@strawberry.type(description="The answer to `commitRebalance`.")
class CommitRebalancePayload(Payload):
    recalculation: Recalculation | None = strawberry.field(
        default=None,
        description=(
            "The replanning that carries the preview out; null if the mutation was not done. Should the plan"
            " move before it begins, it ends `FAILED` with the error `PLAN_MOVED` and changes nothing."
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
            days, changed_days = await day_loads(conn, context.workspace_id, rebalance, most=MOST_DAYS)
        promise = Promise(scope, as_of=now, digest=rebalance.digest)
        token = promise_token(_key(context), workspace_id=context.workspace_id, promise=promise)
        return PreviewRebalancePayload(preview=_shown(rebalance, days, changed_days, token))

    @mutation("Make the rebalance that was previewed, unless its plan has moved since.")
    async def commit_rebalance(
        self, info: Info, asked: Input[CommitRebalanceInput]
    ) -> CommitRebalancePayload:
        context = info.context
        try:
            promise = read_promise(_key(context), asked.token, workspace_id=context.workspace_id)
        except InvalidToken:
            message = "This workspace was given no such token."
            raise refuse(UserErrorCode.INVALID_TOKEN, message, "token") from None
        now = await context.now()
        # A first look, for an answer at once; what decides is the recalculator's look under the plan lock.
        async with context.snapshot() as conn:
            rebalance = await preview_rebalance(conn, context.workspace_id, promise.scope, now=promise.as_of)
        if not rebalance.keeps(promise, now=now):
            message = "The plan has moved since the preview; preview it again."
            raise refuse(UserErrorCode.PLAN_MOVED, message, "token")
        async with changing(context) as change:
            return CommitRebalancePayload(
                recalculation=await change.recalculate(
                    RecalculationCause.REBALANCE,
                    sequence_id=promise.scope.sequence_id,
                    details=stored(promise),
                )
            )


def _key(context: Context) -> bytes:
    return context.vault.derive("rebalance previews")


def _shown(rebalance: Rebalance, days: list[DayLoad], changed_days: int, token: str) -> RebalancePreview:
    figures = rebalance.figures()
    return RebalancePreview(
        moved=figures.moved,
        unchanged=figures.unchanged,
        cancelled=figures.cancelled,
        infeasible=figures.infeasible,
        median_delay_seconds=figures.median_delay_s,
        max_delay_seconds=figures.max_delay_s,
        changed_days=changed_days,
        days=[
            RebalancedDay(day=each.day, before=each.before, after=each.after, mailbox_id=each.mailbox_id)
            for each in days
        ],
        token=token,
    )
