"""The gate at the sender: an email begins an attempt, or goes back to the plan with a cause."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Interval, any_, bindparam, func, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.contact_gap import ContactDay
from domain.gate import PASSING, Hold
from domain.ids import ContactId, EmailId
from domain.letter import StepText
from domain.lifecycle import EMAIL, EmailEvent, SequenceStatus
from persistence.arrays import among, given
from persistence.attempts import Admission, Attempt, Ticket
from persistence.contact_gaps import hold_days_left
from persistence.database import notify
from persistence.email_events import Happening, record_events
from persistence.gate_facts import FACTS, LOCK, STEPS
from persistence.gatekeeper import Facts, Gatekeeper, Step
from persistence.mailbox_loads import count_on_days, read_loads
from persistence.statements import Statement
from persistence.tables import enrollments, mailboxes, scheduled_emails
from persistence.transitions import transition
from persistence.under_way import name_under_way


async def begin_attempts(
    conn: AsyncConnection, tickets: Sequence[Ticket], *, now: datetime, lease: timedelta
) -> dict[EmailId, Admission]:
    """
    Let the emails of *tickets* through the gate at business time *now*, one by one, soonest planned first.

    Everything that could stop one is read under the locks of mailbox, enrollment and email. A ticket that
    answers None has nothing to begin: it is a copy, or late, or the email was stopped.
    """
    tickets = list(dict.fromkeys(tickets))
    asked = {"ids": [ticket.email_id for ticket in tickets], "numbers": [ticket.number for ticket in tickets]}
    (locked,) = await LOCK.rows(conn, **asked)
    if not locked.mailbox_ids:
        return dict.fromkeys(ticket.email_id for ticket in tickets)
    loads = await read_loads(conn, locked.mailbox_ids, now=now)
    # A mailbox that was handed over since is not locked here: its email's message is out of date.
    rows = [row for row in await FACTS.rows(conn, **asked) if row.mailbox_id in loads]
    steps = await _read_steps(conn, {row.step_id for row in rows})
    keeper = Gatekeeper(loads, steps, await _read_days_left(conn, rows, steps, now=now), now)
    admitted = {EmailId(row.id): keeper.admit(row) for row in rows}
    await _write(conn, keeper, now=now, lease=lease)
    return {ticket.email_id: admitted.get(ticket.email_id) for ticket in tickets}


async def _read_steps(conn: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Step]:
    rows = await STEPS.rows(conn, ids=list(ids))
    return {
        row.id: Step(
            row, StepText(row.subject, row.body_text, row.body_html), SequenceStatus(row.sequence_status)
        )
        for row in rows
    }


async def _read_days_left(
    conn: AsyncConnection, rows: Sequence[Facts], steps: Mapping[UUID, Step], *, now: datetime
) -> dict[ContactId, list[ContactDay]]:
    """When those of *rows* were written to whose contacts need a gap; nothing is read where nobody does."""
    gaps = {step_id: step.row.contact_min_gap_days for step_id, step in steps.items()}
    kept_for = {ContactId(row.contact_id) for row in rows if gaps[row.step_id] is not None}
    if not kept_for:
        return {}
    widest = max(gap for gap in gaps.values() if gap is not None)
    # Somewhere it is still yesterday.
    return await hold_days_left(conn, kept_for, since=now.date() - timedelta(days=widest + 1))


async def _write(conn: AsyncConnection, keeper: Gatekeeper, *, now: datetime, lease: timedelta) -> None:
    if keeper.begun:
        await _begin(conn, keeper.begun, now=now, lease=lease)
    if keeper.retried:
        await name_under_way(
            conn,
            {
                mailbox_id: [*keeper.loads[mailbox_id].under_way, *email_ids]
                for mailbox_id, email_ids in keeper.retried.items()
            },
        )
    for hold in sorted({hold for _, hold in keeper.held}):
        await _hold(conn, [row for row, its_hold in keeper.held if its_hold is hold], hold, now=now)
    if keeper.cancelled:
        await conn.execute(
            transition(EMAIL, scheduled_emails, EmailEvent.CANCEL)
            .where(among(scheduled_emails.c.id, [row.id for row in keeper.cancelled]))
            .values(lease_until=None, retry_at=None)
        )
        stopped = [Happening.of_row(row, EmailEvent.CANCEL, cause="STOPPED") for row in keeper.cancelled]
        await record_events(conn, stopped, at=now)
    await count_on_days(conn, keeper.days)


_columns = scheduled_emails.c
_GIVEN = given(
    {"email_id": _columns.id.type, "token": _columns.attempt_token.type}
    | {"day": _columns.quota_day.type, "written_id": _columns.message_id.type}
)
_NOW = bindparam("now", None, _columns.last_attempt_at.type)
_BEGUN = (
    transition(EMAIL, scheduled_emails, EmailEvent.BEGIN)
    .where(_columns.id == _GIVEN.c.email_id)
    .values(
        attempt=_columns.attempt + 1,
        attempt_token=_GIVEN.c.token,
        quota_day=_GIVEN.c.day,
        message_id=_GIVEN.c.written_id,
        # Leases run by the database's clock, so that no machine's own clock can stretch one.
        lease_until=func.clock_timestamp() + bindparam("lease", None, Interval()),
        last_attempt_at=_NOW,
        retry_at=null(),
        released_because=null(),
    )
    .returning(_columns.mailbox_id)
    .cte("begun")
)
# With the mailboxes that they leave from, which keep their gap from here. As an array: all mailboxes are read
# for a join.
_BEGIN = Statement(
    update(mailboxes)
    .where(mailboxes.c.id == any_(func.array(select(_BEGUN.c.mailbox_id).scalar_subquery())))
    .values(last_attempt_at=_NOW)
)


async def _begin(conn: AsyncConnection, begun: Sequence[Attempt], *, now: datetime, lease: timedelta) -> None:
    await _BEGIN.run(
        conn,
        email_ids=[attempt.email_id for attempt in begun],
        tokens=[attempt.token for attempt in begun],
        days=[attempt.quota_day for attempt in begun],
        written_ids=[attempt.message_id for attempt in begun],
        now=now,
        lease=lease,
    )


async def _hold(conn: AsyncConnection, rows: Sequence[Any], hold: Hold, *, now: datetime) -> None:
    """Give *rows* back; those that need another time are brought before the planner."""
    is_passing = hold in PASSING
    await conn.execute(
        transition(EMAIL, scheduled_emails, EmailEvent.RELEASE)
        .where(among(scheduled_emails.c.id, [row.id for row in rows]))
        .values(lease_until=None, retry_at=None, released_because=None if is_passing else str(hold))
    )
    if not is_passing:
        await conn.execute(
            update(enrollments)
            .where(among(enrollments.c.id, [row.enrollment_id for row in rows]))
            .values(planned_at=None)
        )
        await notify(conn, "plan")
    held = [Happening.of_row(row, EmailEvent.RELEASE, cause=str(hold)) for row in rows]
    await record_events(conn, held, at=now)
