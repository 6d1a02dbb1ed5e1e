"""A process that carries out the recalculations of one workspace and ends: made to be killed in between."""

import asyncio
import sys
from uuid import UUID

from sqlalchemy import select

from actors.recalculator import Recalculator
from domain.ids import WorkspaceId
from persistence.database import Role, open_database
from persistence.tables import recalculations
from tests.support.recalculating import SUNDAY
from tests.support.standing_clock import StandingClock


async def carry_out(database_url: str, workspace_id: WorkspaceId, turn: int) -> None:
    database = open_database(database_url, Role.WORKER)
    recalculator = Recalculator(database=database, clock=StandingClock(SUNDAY), turn=turn)
    still_open = select(recalculations.c.id).where(recalculations.c.status.in_(["PENDING", "RUNNING"]))
    while True:
        await recalculator(None, str(workspace_id))
        async with database.transaction() as conn:
            if await conn.scalar(still_open) is None:
                return


if __name__ == "__main__":
    asyncio.run(carry_out(sys.argv[1], WorkspaceId(UUID(sys.argv[2])), int(sys.argv[3])))
