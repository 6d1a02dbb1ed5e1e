"""Changes: what those who watch a workspace are told of, with the commit that makes them."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Not the channel that the clock listens to: nothing has to be done about these.
CHANGES = "drumbeat_changes"

_TELL = text("SELECT pg_notify(:channel, given::text) FROM unnest(CAST(:ids AS uuid[])) AS given")
_TELL_OF_RECALCULATIONS = text("""
SELECT pg_notify(:channel, found.workspace_id::text)
FROM (SELECT DISTINCT workspace_id FROM recalculations WHERE id = ANY(CAST(:ids AS uuid[]))) AS found
""")


async def tell_of_changes(conn: AsyncConnection, workspace_ids: Collection[UUID]) -> None:
    """
    Wake those who watch one of the workspaces once this transaction commits; they read what is new.

    However often it is called, a transaction tells of each workspace once.
    """
    await conn.execute(_TELL, {"channel": CHANGES, "ids": sorted(set(workspace_ids))})


async def tell_of_recalculations(conn: AsyncConnection, ids: Collection[UUID]) -> None:
    """The same of the workspace that the recalculations are of."""
    await conn.execute(_TELL_OF_RECALCULATIONS, {"channel": CHANGES, "ids": list(ids)})
