"""Several sequences on the same mailboxes, and crowds of contacts in them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from tests.support.planning_office import ONE_STEP, WORKDAYS, Planned
from tests.support.world import make_sequence

_CROWD = text("""
WITH crowd AS (
    INSERT INTO contacts (id, workspace_id, email, normalised_email)
    SELECT id, :workspace_id, address, address
    FROM (SELECT uuidv7() AS id FROM generate_series(1, :number)) AS made,
        concat(id, '@example.test') AS address
    RETURNING id
)
INSERT INTO enrollments (id, workspace_id, sequence_id, contact_id, enrolled_at)
SELECT uuidv7(), :workspace_id, :sequence_id, id, :at FROM crowd
""")


async def beside(
    world: Planned, *, steps: Sequence[tuple[int, str, str]] = ONE_STEP, **overrides: Any
) -> Planned:
    """Another sequence, on the mailboxes of *world*."""
    ordinary = {"send_window": WORKDAYS}
    async with world.database.transaction() as conn:
        sequence_id = await make_sequence(
            conn, world.workspace_id, steps=steps, mailboxes=world.mailbox_ids, **ordinary | overrides
        )
    return replace(world, sequence_id=sequence_id)


async def enroll_crowd(world: Planned, number: int, *, at: datetime) -> None:
    """Enroll *number* new contacts by one statement."""
    async with world.database.transaction() as conn:
        # Past grants and row-level security, as everything that tests begin with.
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(
            _CROWD,
            {
                "workspace_id": world.workspace_id,
                "sequence_id": world.sequence_id,
                "number": number,
                "at": at,
            },
        )


async def starts(world: Planned) -> Counter[date]:
    """How many contacts of the sequence of *world* start on each day of their mailbox."""
    first: dict[UUID, date] = {}
    for email in await world.emails():
        if email.sequence_id == world.sequence_id:
            first.setdefault(email.enrollment_id, email.send_day)
    return Counter(first.values())
