"""Previews of plans: shown with a token that stands for them, and compared with what a token stood for."""

import json
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from api.auditing import Asked
from api.context import Context
from api.errors import UserErrorCode
from api.inputs.problems import refuse
from api.types.plan_preview import MOST_DAYS, PlanPreview, PreviewedDay
from api.types.unplaced_count import UnplacedCount
from domain.rebalances import (
    REBALANCE,
    Promise,
    RebalanceScope,
    change_digest,
    promise_token,
    read_promise,
)
from domain.signed_texts import InvalidToken
from persistence.rebalance_preview import Rebalance, day_loads

# Fields that say how the change is made, and not which.
_ABOUT_THE_CALL = ("dryRun", "planToken", "expectedVersion")


async def shown(
    conn: AsyncConnection,
    context: Context,
    rebalance: Rebalance,
    *,
    scope: RebalanceScope,
    as_of: datetime,
    change: bytes = REBALANCE,
) -> PlanPreview:
    """*rebalance* as the API shows it; its token promises just this plan to just this *change*."""
    days, changed_days = await day_loads(conn, context.workspace_id, rebalance, most=MOST_DAYS)
    promise = Promise(scope, as_of=as_of, digest=rebalance.digest, change=change)
    figures = rebalance.figures()
    return PlanPreview(
        placed=figures.placed,
        moved=figures.moved,
        unchanged=figures.unchanged,
        cancelled=figures.cancelled,
        infeasible=figures.infeasible,
        unplaced=UnplacedCount.by_reason(rebalance.unplaced()),
        median_delay_seconds=figures.median_delay_s,
        max_delay_seconds=figures.max_delay_s,
        changed_days=changed_days,
        days=[
            PreviewedDay(day=each.day, before=each.before, after=each.after, mailbox_id=each.mailbox_id)
            for each in days
        ],
        token=promise_token(_key(context), workspace_id=context.workspace_id, promise=promise),
    )


def promised(context: Context, token: str, *, field: str, change: bytes = REBALANCE) -> Promise:
    """
    What *token* promised to *change*.

    Raises:
        InputRefused: It is none of this workspace, or of a preview of something else; said of *field*.
    """
    try:
        promise = read_promise(_key(context), token, workspace_id=context.workspace_id)
    except InvalidToken:
        message = "This workspace was given no such token."
        raise refuse(UserErrorCode.INVALID_TOKEN, message, field) from None
    if promise.change != change:
        message = (
            "The token is of a preview with another input, or of another mutation; send what was previewed,"
            " or preview this."
        )
        raise refuse(UserErrorCode.TOKEN_OF_OTHER_INPUT, message, field)
    return promise


def digest_of(context: Context, asked: Asked) -> bytes:
    """What stands for the change that is *asked* for, however its fields are ordered."""
    # Values of scalars may have been read already, such as dates.
    given = {name: value for name, value in asked.given.items() if name not in _ABOUT_THE_CALL}
    return change_digest(_key(context), json.dumps([asked.action, given], sort_keys=True, default=str))


def check_kept(rebalance: Rebalance | None, promise: Promise, *, now: datetime, field: str) -> None:
    """
    Make sure that *rebalance* is what *promise* says.

    Raises:
        InputRefused: It is another one, or one of its times has passed; said of *field*.
    """
    if rebalance is None or not rebalance.keeps(promise, now=now):
        message = "The plan has moved since the preview; preview it again."
        raise refuse(UserErrorCode.PLAN_MOVED, message, field)


def _key(context: Context) -> bytes:
    return context.vault.derive("rebalance previews")
