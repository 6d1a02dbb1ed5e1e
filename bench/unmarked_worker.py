"""
A worker that passes the point of no return without marking it: what the mark costs is the difference.

For measuring alone. An email whose worker dies is sent twice by this one.
"""

from domain.lifecycle import EMAIL, EmailEvent, EmailStatus, Move

_accept = EMAIL.moves[EmailEvent.ACCEPT]
# The table is Mapping to everybody else. What is imported below reads it.
EMAIL.moves[EmailEvent.ACCEPT] = Move(_accept.sources | {EmailStatus.SENDING}, _accept.target)  # type: ignore[index]

from actors.ledger import Ledger  # noqa: E402 - after the table is changed
from persistence.commits import Committing  # noqa: E402


async def _commit_nothing(self: Ledger, committing: Committing) -> bool:
    return True


Ledger.commit = _commit_nothing  # type: ignore[method-assign]

from app.worker_process import broker  # noqa: E402

__all__ = ["broker"]
