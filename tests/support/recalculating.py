"""A planned sequence, and what a recalculator makes of a change to it."""

from datetime import timedelta
from typing import Any

from actors.planner import Planner
from actors.recalculator import Recalculator
from domain.recalculations import RecalculationCause
from persistence.database import Database
from tests.support.planning_office import Planned, make_planned
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY

SUNDAY = MONDAY - timedelta(days=1)
_FIGURES = ("status", "total", "done", "moved", "unchanged", "cancelled", "infeasible")


async def planned(database: Database, contacts: int, **options: Any) -> Planned:
    """A sequence whose contacts have their times: from Monday at nine on, seen from Sunday."""
    world = await make_planned(database, **options)
    await world.enroll(contacts)
    await Planner(database=database, clock=StandingClock(SUNDAY))(None, str(world.workspace_id))
    return world


async def recalculate(world: Planned, *, database: Database | None = None) -> None:
    recalculator = Recalculator(database=database or world.database, clock=StandingClock(SUNDAY))
    await recalculator(None, str(world.workspace_id))


async def pause_first(world: Planned, status: str = "PAUSED") -> None:
    """Take the first mailbox away, and ask for the recalculation that belongs to it."""
    first = world.mailbox_ids[0]
    await world.execute(
        "UPDATE mailboxes SET status = :status, removed_at = CASE WHEN :status = 'REMOVED' THEN now() END"
        " WHERE id = :id",
        status=status,
        id=first,
    )
    cause = {"PAUSED": RecalculationCause.MAILBOX_PAUSED, "REMOVED": RecalculationCause.MAILBOX_REMOVED}
    await world.request(cause[status], mailbox_id=first)


# Any: a row of recalculations.
def figures(request: Any) -> tuple[object, ...]:
    """Status, and total, done, moved, unchanged, cancelled and infeasible emails."""
    return tuple(getattr(request, name) for name in _FIGURES)
