"""A mailbox that is full for four days, and an empty one beside it."""

from actors.planner import Planner
from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.sequence_mailboxes import link_mailboxes
from tests.support.planning_office import ONE_STEP, WORKDAYS, Planned
from tests.support.recalculating import SUNDAY
from tests.support.standing_clock import StandingClock
from tests.support.world import make_mailbox, make_sequence, make_workspace


async def crowded(worker_db: Database, api_db: Database, workspace_id: WorkspaceId | None = None) -> Planned:
    """
    Eight contacts, planned on Sunday for a mailbox of two a day: two on each day from Monday to Thursday.

    Then another such mailbox was linked, and nobody has asked for a rebalance yet.
    """
    async with worker_db.transaction() as conn:
        workspace = workspace_id or await make_workspace(conn)
        boxes = [await make_mailbox(conn, workspace, daily_capacity=2) for _ in range(2)]
        sequence_id = await make_sequence(
            conn, workspace, steps=ONE_STEP, mailboxes=boxes[:1], send_window=WORKDAYS
        )
    world = Planned(worker_db, workspace, sequence_id, tuple(boxes))
    await world.enroll(8)
    await Planner(database=worker_db, clock=StandingClock(SUNDAY))(None, str(workspace))
    async with api_db.transaction(workspace) as conn:
        await link_mailboxes(conn, workspace, sequence_id, mailbox_ids=boxes[1:])
    return world
