"""Rescheduling by hand: one email leaves when somebody wants it to, if the plan has that room."""

import asyncio
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.hand_set_times import Obstacle, obstacle, wanting
from domain.ids import EmailId, EnrollmentId, WorkspaceId
from domain.lifecycle import EmailStatus, EnrollmentStatus
from domain.plan import Plan
from domain.situations import Situation
from persistence.locks import lock_row
from persistence.plan_lock import try_plan_lock
from persistence.refusals import NotInStatus, Noun, PlanBusy, TimeNotAllowed, UnknownObject
from persistence.replan_scopes import ReplanScope
from persistence.replanning import read_replan, write_replan
from persistence.tables import enrollments, scheduled_emails


async def reschedule_email(
    conn: AsyncConnection, workspace_id: WorkspaceId, email_id: EmailId, *, send_at: datetime, now: datetime
) -> None:
    """
    Have a pending email leave at *send_at*; later ones of its enrollment move as far as waits demand.

    It is the planner's work, done under its lock: nothing is promised that the plan has no room for.

    Raises:
        UnknownObject: The workspace has no such email.
        NotInStatus: It is not pending, or its enrollment is not active.
        TimeNotAllowed: A rule of the plan speaks against it.
        PlanBusy: Another one is planning this workspace.
    """
    if not await try_plan_lock(conn, workspace_id):
        raise PlanBusy
    enrollment_id = await _hold(conn, workspace_id, email_id)
    situation = await read_replan(conn, workspace_id, ReplanScope([enrollment_id]), now=now)
    asking = [wanting(each, email_id, send_at) for each in situation.enrollments]
    try:
        draft = await asyncio.to_thread(_draft, replace(situation, enrollments=asking), email_id, send_at)
    except LookupError:
        # Its step was removed, or its sequence put away.
        raise NotInStatus(Noun.EMAIL, str(EmailStatus.CANCELLED)) from None
    await write_replan(conn, workspace_id, [enrollment_id], draft, now=now)
    columns = scheduled_emails.c
    is_there = (columns.workspace_id == workspace_id, columns.id == email_id, columns.send_at == send_at)
    kept = await conn.execute(
        update(scheduled_emails)
        .where(*is_there, columns.status == str(EmailStatus.PENDING))
        .values(is_set_by_hand=True)
    )
    if kept.rowcount == 0:
        # The dispatcher was faster.
        raise NotInStatus(Noun.EMAIL, str(EmailStatus.QUEUED))


def _draft(situation: Situation, email_id: EmailId, send_at: datetime) -> Plan:
    found = obstacle(situation.draft(), email_id, send_at)
    if found is not None:
        raise TimeNotAllowed(found)
    plan = situation()
    if not any(
        email.leg.email_id == email_id and email.slot is not None and email.slot.send_at == send_at
        for itinerary in plan.itineraries
        for email in itinerary.emails
    ):
        raise TimeNotAllowed(Obstacle.DAY_FULL)
    return plan


async def _hold(conn: AsyncConnection, workspace_id: WorkspaceId, email_id: EmailId) -> EnrollmentId:
    """Lock the enrollment of a pending email."""
    columns = scheduled_emails.c
    here = (columns.workspace_id == workspace_id, columns.id == email_id)
    enrollment_id = await conn.scalar(select(columns.enrollment_id).where(*here))
    if enrollment_id is None:
        raise UnknownObject(Noun.EMAIL, [email_id])
    enrollment = await lock_row(
        conn, enrollments, Noun.ENROLLMENT, workspace_id=workspace_id, row_id=enrollment_id
    )
    status = await conn.scalar(select(columns.status).where(*here))
    if status != EmailStatus.PENDING:
        raise NotInStatus(Noun.EMAIL, str(status))
    if enrollment.status != EnrollmentStatus.ACTIVE:
        raise NotInStatus(Noun.ENROLLMENT, enrollment.status)
    return EnrollmentId(enrollment_id)
