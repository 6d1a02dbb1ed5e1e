"""The mutation that spreads the load of mailboxes anew."""

import strawberry

from api.context import Info
from api.inputs.keys import sequence_key
from api.inputs.problems import Problems
from api.inputs.rebalance import RebalanceMailboxesInput
from api.mutations.answers import Input, Payload, mutation
from api.mutations.change import changing
from api.types.recalculation import Recalculation
from domain.recalculations import RecalculationCause
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
            sequence_id = None if asked.sequence_id is None else sequence_key(asked.sequence_id, problems)
        async with changing(info) as change:
            if sequence_id is not None:
                await lock_sequence(change.conn, change.workspace_id, sequence_id)
            return RebalanceMailboxesPayload(
                recalculation=await change.recalculate(RecalculationCause.REBALANCE, sequence_id=sequence_id)
            )
