"""The wait of a step as it is stored: one of three columns is set."""

from collections.abc import Mapping
from typing import Any

from domain.waits import Wait, WaitUnit
from persistence.tables import steps

WAITS = {
    WaitUnit.DAYS: steps.c.wait_days,
    WaitUnit.WORKING_DAYS: steps.c.wait_working_days,
    WaitUnit.MINUTES: steps.c.wait_minutes,
}
WAIT_COLUMNS = tuple(WAITS.values())


# Any: by column, those of the waits among others.
def read_wait(stored: Mapping[Any, Any]) -> Wait:
    found = ((unit, stored[column.name]) for unit, column in WAITS.items())
    return next(Wait(amount, unit) for unit, amount in found if amount is not None)


def stored_wait(wait: Wait) -> dict[str, object]:
    """*wait* by column."""
    return {column.name: wait.amount if unit is wait.unit else None for unit, column in WAITS.items()}
