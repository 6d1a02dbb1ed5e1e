"""Rebalancing as it is asked for."""

import strawberry


@strawberry.input(description="Whose load is to be spread anew.")
class RebalanceMailboxesInput:
    sequence_id: strawberry.ID | None = strawberry.field(
        default=None, description="One sequence's mailboxes; all of the workspace by default."
    )
