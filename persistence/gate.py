"""The gate at the sender: an email begins an attempt, or goes back to the plan with a cause."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Interval, any_, bindparam, func, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gate import PASSING, DueEmail, Hold, MailboxLoad, Pass, has_reservation, judge
from domain.ids import ContactId, EmailId, EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.letter import StepText
from domain.lifecycle import (
    EMAIL,
    ContactStatus,
    EmailEvent,
    EmailStatus,
    EnrollmentStatus,
    SequenceStatus,
)
from domain.send_window import Calendar
from domain.threads import Thread, new_message_id
from persistence.arrays import among, given
from persistence.attempts import Admission, Attempt, Held, Login, Ticket, TooEarly
from persistence.database import notify
from persistence.email_events import Happening, record_events
from persistence.gate_facts import FACTS, LOCK, STEPS
from persistence.mailbox_loads import DayCount, count_on_days, read_loads
from persistence.planning_terms import read_closed_days, read_window
from persistence.statements import Statement
from persistence.tables import enrollments, mailboxes, scheduled_emails
from persistence.transitions import transition
from persistence.under_way import name_under_way

# Any: a row has the columns that are selected.
_Row = Any


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
    gate = _Gate(loads, await _read_steps(conn, {row.step_id for row in rows}), now)
    admitted = {EmailId(row.id): gate.admit(row) for row in rows}
    await _write(conn, gate, now=now, lease=lease)
    return {ticket.email_id: admitted.get(ticket.email_id) for ticket in tickets}


@dataclass(frozen=True, slots=True)
class _Step:
    """A step with its texts, and its sequence, which all emails of a group that are sent for it share."""

    row: _Row
    text: StepText
    sequence: SequenceStatus


async def _read_steps(conn: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, _Step]:
    rows = await STEPS.rows(conn, ids=list(ids))
    return {
        row.id: _Step(
            row, StepText(row.subject, row.body_text, row.body_html), SequenceStatus(row.sequence_status)
        )
        for row in rows
    }


class _Gate:
    """Judges emails in turn, counting on for each mailbox, and notes what is to be written."""

    def __init__(self, loads: Mapping[UUID, MailboxLoad], steps: Mapping[UUID, _Step], now: datetime) -> None:
        self.loads = loads
        self.steps = steps
        self.now = now
        self.begun: list[Attempt] = []
        self.held: list[tuple[Any, Hold]] = []
        # By mailbox: what waited was not under way, as what was claimed is.
        self.retried: dict[UUID, list[EmailId]] = {}
        self.cancelled: list[Any] = []
        self.days: dict[tuple[UUID, date], DayCount] = {}
        self._calendars: dict[tuple[UUID, str], Calendar] = {}

    def admit(self, row: _Row) -> Admission:
        load, step = self.loads[row.mailbox_id], self.steps[row.step_id]
        calendar = self._calendar(row, step)
        email = _due_email(row, step, calendar)
        judged = Pass.CANCEL if step.row.is_removed else judge(email, load, now=self.now)
        if judged is Pass.WAIT:
            return TooEarly(EmailId(row.id), row.retry_at)
        if judged is Pass.GO:
            is_reserved = has_reservation(email, load)
            self._charge(row, load, is_reserved=is_reserved)
            load.take(self.now, is_reserved=is_reserved, domain=email.recipient_domain)
            window_day = calendar.day_of(self.now)
            attempt = _attempt(row, load, step, window_day or load.day)
            self.begun.append(attempt)
            if row.status == EmailStatus.RETRYING:
                self.retried.setdefault(row.mailbox_id, []).append(attempt.email_id)
            return attempt
        if row.status == EmailStatus.QUEUED and row.quota_day is not None:
            self._count(row.mailbox_id, row.quota_day, used=-1)
        if judged is Pass.CANCEL:
            self.cancelled.append(row)
            return None
        self.held.append((row, judged))
        return Held(EmailId(row.id), judged)

    def _calendar(self, row: _Row, step: _Step) -> Calendar:
        """Made once for all emails that share it: what a calendar works out is kept by its identity."""
        terms = step.row
        zone = row.contact_zone if terms.uses_contact_zone and row.contact_zone else terms.zone
        calendar = self._calendars.get((row.sequence_id, zone))
        if calendar is None:
            window, closed = read_window(terms.send_window), read_closed_days(terms)
            calendar = Calendar(ZoneInfo(zone), window, terms.first_date, terms.last_date, closed)
            self._calendars[row.sequence_id, zone] = calendar
        return calendar

    def _charge(self, row: _Row, load: MailboxLoad, *, is_reserved: bool) -> None:
        """The budget is that of today: one reserved yesterday goes back to yesterday."""
        if is_reserved:
            return
        if row.status == EmailStatus.QUEUED and row.quota_day is not None:
            self._count(row.mailbox_id, row.quota_day, used=-1)
        self._count(row.mailbox_id, load.day, used=1)

    def _count(self, mailbox_id: UUID, day: date, *, used: int) -> None:
        capacity = self.loads[mailbox_id].mailbox.capacity_on(day)
        self.days.setdefault((mailbox_id, day), DayCount(capacity)).used += used


def _due_email(row: _Row, step: _Step, calendar: Calendar) -> DueEmail:
    return DueEmail(
        status=EmailStatus[row.status],
        enrollment=EnrollmentStatus[row.enrollment_status],
        sequence=step.sequence,
        contact=ContactStatus[row.contact_status],
        calendar=calendar,
        is_suppressed=row.is_suppressed,
        is_sending_paused=step.row.is_sending_paused,
        is_next=step.row.position is not None and step.row.position == row.next_position,
        not_before=row.next_not_before,
        retry_at=row.retry_at,
        quota_day=row.quota_day,
        recipient_domain=row.recipient_domain,
    )


def _attempt(row: _Row, load: MailboxLoad, step: _Step, window_day: date) -> Attempt:
    thread = None
    if row.parent_message_id is not None and not step.row.starts_thread:
        thread = Thread(row.parent_message_id, tuple(row.thread_references or ()), row.parent_subject)
    name = " ".join(filter(None, (row.first_name, row.last_name)))
    return Attempt(
        email_id=EmailId(row.id),
        workspace_id=WorkspaceId(row.workspace_id),
        enrollment_id=EnrollmentId(row.enrollment_id),
        sequence_id=SequenceId(row.sequence_id),
        contact_id=ContactId(row.contact_id),
        mailbox_id=MailboxId(row.mailbox_id),
        number=row.attempt + 1,
        token=uuid4(),
        retry_count=row.retry_count,
        quota_day=load.day,
        capacity=load.capacity_today,
        assumes_sent=row.in_doubt_policy == "ASSUME_SENT",
        window_day=window_day,
        from_name=row.from_name,
        from_address=row.from_address,
        login=Login(
            row.host,
            row.port,
            row.security,
            row.username,
            row.password_encrypted,
            row.oauth_provider,
            row.refresh_token_encrypted,
        ),
        recipient_name=name or None,
        recipient_address=row.email,
        fields={
            "first_name": row.first_name,
            "last_name": row.last_name,
            "company": row.company,
            "phone": row.phone,
            "custom": row.custom_fields,
        },
        step_text=step.text,
        step_version_id=step.row.version_id,
        message_id=row.message_id or new_message_id(row.id, row.from_address),
        thread=thread,
        host_troubles=load.circuit.troubles,
    )


async def _write(conn: AsyncConnection, gate: _Gate, *, now: datetime, lease: timedelta) -> None:
    if gate.begun:
        await _begin(conn, gate.begun, now=now, lease=lease)
    if gate.retried:
        await name_under_way(
            conn,
            {
                mailbox_id: [*gate.loads[mailbox_id].under_way, *email_ids]
                for mailbox_id, email_ids in gate.retried.items()
            },
        )
    for hold in sorted({hold for _, hold in gate.held}):
        await _hold(conn, [row for row, its_hold in gate.held if its_hold is hold], hold, now=now)
    if gate.cancelled:
        await conn.execute(
            transition(EMAIL, scheduled_emails, EmailEvent.CANCEL)
            .where(among(scheduled_emails.c.id, [row.id for row in gate.cancelled]))
            .values(lease_until=None, retry_at=None)
        )
        stopped = [Happening.of_row(row, EmailEvent.CANCEL, cause="STOPPED") for row in gate.cancelled]
        await record_events(conn, stopped, at=now)
    await count_on_days(conn, gate.days)


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
