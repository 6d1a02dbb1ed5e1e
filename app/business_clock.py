"""Business time as one object: it runs with the world, or steps from one instant to the next."""

from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert

from app.settings import Settings
from persistence.database import Database
from persistence.tables import business_clock


class RunningClock:
    """Business time as everyone's watch shows it."""

    async def now(self) -> datetime:
        return datetime.now(UTC)


class SteppingClock:
    """
    Business time that stands still until somebody steps it: one row, which all processes read.

    Where no row is, time runs. *last_read* serves those who cannot wait for an answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.last_read = datetime.now(UTC)

    async def now(self) -> datetime:
        async with self._database.transaction() as conn:
            present: datetime | None = await conn.scalar(business_clock.select().with_only_columns(_PRESENT))
        self.last_read = present or datetime.now(UTC)
        return self.last_read

    async def step_to(self, present: datetime) -> None:
        """Let it be *present* for everyone. Needs a role that may write the clock."""
        set_to = insert(business_clock).values(id=1, present=present)
        async with self._database.transaction() as conn:
            await conn.execute(
                set_to.on_conflict_do_update(
                    index_elements=[business_clock.c.id], set_={"present": set_to.excluded.present}
                )
            )
        self.last_read = present


_PRESENT = business_clock.c.present

BusinessClock = RunningClock | SteppingClock


def business_clock_of(settings: Settings, database: Database) -> BusinessClock:
    return SteppingClock(database) if settings.business_clock == "stepping" else RunningClock()
