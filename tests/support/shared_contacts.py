"""Two sequences on one mailbox, and people who are enrolled in both of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from actors.planner import Planner
from domain.ids import ContactId, WorkspaceId
from persistence.database import Database
from tests.support.planning_office import Planned, make_planned
from tests.support.recalculating import SUNDAY
from tests.support.sharing import beside
from tests.support.standing_clock import StandingClock
from tests.support.world import make_contact, make_enrollment


@dataclass(frozen=True)
class SharedContacts:
    """*first* and *second* write on workdays; *contact_id* is in both, and was in the first one first."""

    first: Planned
    second: Planned
    contact_id: ContactId

    async def plan(self, *, now: datetime = SUNDAY) -> None:
        planner = Planner(database=self.first.database, clock=StandingClock(now))
        await planner(None, str(self.first.workspace_id))

    async def enroll(self, world: Planned, contact_id: ContactId | None = None, **overrides: Any) -> None:
        """Enroll *contact_id*, or the one in both, in the sequence of *world*."""
        async with world.database.transaction() as conn:
            await make_enrollment(
                conn, world.workspace_id, world.sequence_id, contact_id or self.contact_id, **overrides
            )

    async def set_gap(self, days: int | None) -> None:
        """Set the workspace's gap, and ask for nothing."""
        async with self.first.database.transaction() as conn:
            await conn.execute(text("SET LOCAL ROLE none"))
            await conn.execute(text("UPDATE workspaces SET contact_min_gap_days = :days"), {"days": days})

    async def days(self) -> Mapping[str, list[date | None]]:
        """The window days of the contact's emails, by sequence."""
        found: dict[str, list[date | None]] = {"first": [], "second": []}
        for email in await self.first.emails():
            if email.contact_id == self.contact_id:
                name = "first" if email.sequence_id == self.first.sequence_id else "second"
                found[name].append(email.window_day)
        return found


async def make_shared_contacts(
    database: Database, *, workspace_id: WorkspaceId | None = None, **second: Any
) -> SharedContacts:
    """Nobody is planned yet, and there is no gap. *second* says what is special about that sequence."""
    first = await make_planned(database, workspace_id=workspace_id)
    other = await beside(first, **second)
    async with database.transaction() as conn:
        contact_id = await make_contact(conn, first.workspace_id)
    shared = SharedContacts(first, other, contact_id)
    for world in (first, other):
        await shared.enroll(world)
    return shared
