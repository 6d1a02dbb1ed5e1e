"""Status changes: the one place where a status is assigned, guarded by the lifecycle's table."""

from enum import StrEnum
from typing import TypeVar

from sqlalchemy import Table, Update, update

from domain.lifecycle import Lifecycle

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def transition(lifecycle: Lifecycle[S, E], table: Table, event: E) -> Update:
    """
    The update that *event* makes to rows of *table*: only those in a status in which it may happen.

    The caller narrows it with ``where`` and adds what else changes with ``values``; a row that is not
    returned, or not counted, was in another status and stays as it was.
    """
    move = lifecycle.moves[event]
    sources = sorted(str(source) for source in move.sources)
    return update(table).where(table.c.status.in_(sources)).values(status=str(move.target))
