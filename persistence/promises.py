"""What a preview promised, or which mailboxes were named, as the details of a recalculation."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.ids import MailboxId, SequenceId
from domain.rebalances import Promise, RebalanceScope


def stored(promise: Promise) -> dict[str, object]:
    """*promise* as JSON; its sequence has a column of its own."""
    return {
        "promised": promise.digest.hex(),
        "as_of": promise.as_of.isoformat(),
        "mailbox_ids": [str(mailbox_id) for mailbox_id in promise.scope.mailbox_ids],
    }


# Any: JSON.
def read_stored(details: Mapping[str, Any], *, sequence_id: SequenceId | None) -> Promise | None:
    """What `stored` made; None when nothing was promised."""
    if "promised" not in details:
        return None
    return Promise(
        RebalanceScope(sequence_id, mailboxes_in(details)),
        as_of=datetime.fromisoformat(details["as_of"]),
        digest=bytes.fromhex(details["promised"]),
    )


def of_mailboxes(mailbox_ids: Collection[MailboxId]) -> dict[str, object]:
    """The mailboxes that were named, as JSON; empty for all."""
    return {"mailbox_ids": [str(mailbox_id) for mailbox_id in mailbox_ids]} if mailbox_ids else {}


# Any: JSON.
def mailboxes_in(details: Mapping[str, Any]) -> tuple[MailboxId, ...]:
    return tuple(MailboxId(UUID(each)) for each in details.get("mailbox_ids", ()))
