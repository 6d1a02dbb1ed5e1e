"""The mutation that spreads the load of mailboxes anew."""

import strawberry

from api.context import Info
from api.inputs.problems import Problems
from api.inputs.rebalance import RebalanceMailboxesInput
from api.mutations.answers import Input, Payload, mutation
from api.mutations.change import changing
from api.types.recalculation import Recalculation
from domain.recalculations import RecalculationCause
from persistence.promises import of_mailboxes
from persistence.rebalance_preview import check_scope
from persistence.sequences import lock_sequence


@strawberry.type(description="The answer to `rebalanceMailboxes`.")
class RebalanceMailboxesPayload(Payload):
    recalculation: Recalculation | None = strawberry.field(
        default=None, description="The replanning that spreads the load; null if the mutation was not done."
    )


@strawberry.type
class RebalanceMutations:
    @mutation("Spread contacts that no email has left for over the mailboxes that can serve them earlier.")
    async def rebalance_mailboxes(
        self, info: Info, asked: Input[RebalanceMailboxesInput]
    ) -> RebalanceMailboxesPayload:
        with Problems() as problems:
            scope = asked.scope(problems)
        async with changing(info) as change:
            if scope.sequence_id is not None:
                await lock_sequence(change.conn, change.workspace_id, scope.sequence_id)
            await check_scope(change.conn, change.workspace_id, scope)
            return RebalanceMailboxesPayload(
                recalculation=await change.recalculate(
                    RecalculationCause.REBALANCE,
                    sequence_id=scope.sequence_id,
                    details=of_mailboxes(scope.mailbox_ids),
                )
            )
