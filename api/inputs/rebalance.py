"""Rebalancing as it is asked for."""

import strawberry

from api.inputs.keys import mailbox_keys, sequence_key
from api.inputs.problems import Problems
from domain.rebalances import RebalanceScope

# They travel in the token.
_MOST_MAILBOXES = 100


@strawberry.input
class _Scoped:
    sequence_id: strawberry.ID | None = strawberry.field(
        default=None, description="One sequence's contacts; all of the workspace by default."
    )
    mailbox_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description=(
            "Only contacts that these mailboxes write to, and those that none was found for yet; at most"
            f" {_MOST_MAILBOXES}. Everyone by default."
        ),
    )

    def scope(self, problems: Problems) -> RebalanceScope:
        sequence_id = None if self.sequence_id is None else sequence_key(self.sequence_id, problems)
        mailbox_ids = mailbox_keys(self.mailbox_ids, problems, most=_MOST_MAILBOXES)
        # In one order and once each: the same scope has the same token.
        return RebalanceScope(sequence_id, tuple(sorted(set(mailbox_ids))))


@strawberry.input(description="Whose load is to be spread anew.")
class RebalanceMailboxesInput(_Scoped):
    pass


@strawberry.input(description="Whose load would be spread anew.")
class PreviewRebalanceInput(_Scoped):
    pass


@strawberry.input(description="Which previewed rebalance to carry out.")
class CommitRebalanceInput:
    token: str = strawberry.field(description="The token of the preview.")
