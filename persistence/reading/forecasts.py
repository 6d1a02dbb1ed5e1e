"""Reading what a forecast of a sequence starts from, without locks: nobody is held up."""

from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EnrollmentId, SequenceId, StepId, WorkspaceId
from domain.itineraries import Leg
from domain.lifecycle import EnrollmentStatus
from domain.what_if import Situation
from persistence.being_planned import BeingPlanned
from persistence.contact_gaps import contact_gap
from persistence.open_enrollments import enrollments_for_planning
from persistence.planning_terms import planning_terms
from persistence.sequence_starts import sequence_starts
from persistence.stored_waits import WAIT_COLUMNS, read_wait
from persistence.tables import enrollments, steps
from persistence.taken_slots import taken_slots


class TooManyContacts(Exception):
    """More contacts are on their way through the sequence than a forecast plans."""


async def forecast_situation(
    conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId, *, now: datetime, most: int
) -> Situation | None:
    """
    The situation of one sequence, with at most *most* contacts on their way; None if it is archived.

    From here on the transaction only reads. Enrollments on hold are not on their way; a sequence on hold is
    seen as if it went on. What waits in other sequences for its first plan is not seen.

    Raises:
        TooManyContacts: If there are more.
    """
    await conn.execute(text("SET TRANSACTION READ ONLY"))
    terms = await planning_terms(conn, workspace_id, as_if_sending=True)
    its_terms = terms.sequences.get(sequence_id)
    if its_terms is None:
        return None
    sequence = its_terms.for_zone(None)
    ids = await _on_their_way(conn, workspace_id, sequence_id, limit=most + 1)
    if len(ids) > most:
        raise TooManyContacts
    on_their_way = await enrollments_for_planning(conn, workspace_id, ids, terms=terms)
    serving = set(sequence.mailbox_ids)
    serving.update(each.mailbox_id for each in on_their_way if each.mailbox_id is not None)
    since = (now - timedelta(days=3)).date()
    planned = BeingPlanned(ids, on_their_way)
    days = await taken_slots(conn, workspace_id, serving, planned=planned, terms=terms, now=now)
    return Situation(
        sequence=sequence,
        steps=await _all_steps(conn, workspace_id, sequence_id),
        enrollments=tuple(on_their_way),
        mailboxes=tuple(terms.mailboxes[mailbox_id] for mailbox_id in sorted(serving)),
        taken=tuple(email for day in days for email in day.emails()),
        calendars={mailbox_id: terms.calendars.get(mailbox_id, []) for mailbox_id in serving},
        now=now,
        starts=await sequence_starts(
            conn,
            workspace_id,
            [sequence_id],
            planned=planned,
            terms=terms,
            since=since,
        ),
        contact_gap=await contact_gap(conn, workspace_id, ids, planned=ids, terms=terms, since=since),
    )


async def _on_their_way(
    conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId, *, limit: int
) -> list[EnrollmentId]:
    chosen = select(enrollments.c.id).where(
        enrollments.c.workspace_id == workspace_id,
        enrollments.c.sequence_id == sequence_id,
        enrollments.c.status == str(EnrollmentStatus.ACTIVE),
    )
    return [EnrollmentId(each) for each in await conn.scalars(chosen.order_by(enrollments.c.id).limit(limit))]


async def _all_steps(
    conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId
) -> tuple[Leg, ...]:
    """What a contact who begins now would be sent."""
    rows = await conn.execute(
        select(steps.c.id, steps.c.position, *WAIT_COLUMNS)
        .where(
            steps.c.workspace_id == workspace_id,
            steps.c.sequence_id == sequence_id,
            steps.c.removed_at.is_(None),
        )
        .order_by(steps.c.position)
    )
    return tuple(Leg(StepId(row.id), row.position, read_wait(row._mapping)) for row in rows)
