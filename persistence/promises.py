"""What a preview promised, as the details of the recalculation that is to keep it."""

from collections.abc import Mapping
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
    mailbox_ids = tuple(MailboxId(UUID(each)) for each in details["mailbox_ids"])
    return Promise(
        RebalanceScope(sequence_id, mailbox_ids),
        as_of=datetime.fromisoformat(details["as_of"]),
        digest=bytes.fromhex(details["promised"]),
    )
