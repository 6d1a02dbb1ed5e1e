"""The gatekeeper: judges emails that ask to begin an attempt, in turn, by what was read of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from domain.contact_gap import ContactDay, is_apart
from domain.gate import DueEmail, Hold, MailboxLoad, Pass, has_reservation, judge
from domain.ids import ContactId, EmailId, EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.letter import StepText
from domain.lifecycle import ContactStatus, EmailStatus, EnrollmentStatus, SequenceStatus
from domain.send_window import Calendar
from domain.threads import Thread, new_message_id
from persistence.attempts import Admission, Attempt, Held, Login, TooEarly
from persistence.mailbox_loads import DayCount
from persistence.planning_terms import read_closed_days, read_window

# Any: a row has the columns that are selected.
Facts = Any


@dataclass(frozen=True, slots=True)
class Step:
    """A step with its texts, and its sequence, which all emails of a group that are sent for it share."""

    row: Facts
    text: StepText
    sequence: SequenceStatus


class Gatekeeper:
    """Judges emails in turn, counting on for each mailbox and contact, and notes what is to be written."""

    def __init__(
        self,
        loads: Mapping[UUID, MailboxLoad],
        steps: Mapping[UUID, Step],
        days_left: dict[ContactId, list[ContactDay]],
        now: datetime,
    ) -> None:
        self.loads = loads
        self.steps = steps
        self.days_left = days_left
        self.now = now
        self.begun: list[Attempt] = []
        self.held: list[tuple[Any, Hold]] = []
        # By mailbox: what waited was not under way, as what was claimed is.
        self.retried: dict[UUID, list[EmailId]] = {}
        self.cancelled: list[Any] = []
        self.days: dict[tuple[UUID, date], DayCount] = {}
        self._calendars: dict[tuple[UUID, str], Calendar] = {}

    def admit(self, row: Facts) -> Admission:
        load, step = self.loads[row.mailbox_id], self.steps[row.step_id]
        calendar = self._calendar(row, step)
        email = _due_email(row, step, calendar)
        email.breaks_contact_gap = self._breaks_contact_gap(row, step, calendar)
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
            if step.row.contact_min_gap_days is not None:
                day = ContactDay(attempt.enrollment_id, attempt.window_day)
                self.days_left.setdefault(attempt.contact_id, []).append(day)
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

    def _breaks_contact_gap(self, row: Facts, step: Step, calendar: Calendar) -> bool:
        gap, left = step.row.contact_min_gap_days, self.days_left.get(row.contact_id)
        if gap is None or left is None:
            return False
        today = calendar.day_of(self.now)
        return today is not None and not is_apart(today, left, of=row.enrollment_id, days=gap)

    def _calendar(self, row: Facts, step: Step) -> Calendar:
        """Made once for all emails that share it: what a calendar works out is kept by its identity."""
        terms = step.row
        zone = row.contact_zone if terms.uses_contact_zone and row.contact_zone else terms.zone
        calendar = self._calendars.get((row.sequence_id, zone))
        if calendar is None:
            window, closed = read_window(terms.send_window), read_closed_days(terms)
            calendar = Calendar(ZoneInfo(zone), window, terms.first_date, terms.last_date, closed)
            self._calendars[row.sequence_id, zone] = calendar
        return calendar

    def _charge(self, row: Facts, load: MailboxLoad, *, is_reserved: bool) -> None:
        """The budget is that of today: one reserved yesterday goes back to yesterday."""
        if is_reserved:
            return
        if row.status == EmailStatus.QUEUED and row.quota_day is not None:
            self._count(row.mailbox_id, row.quota_day, used=-1)
        self._count(row.mailbox_id, load.day, used=1)

    def _count(self, mailbox_id: UUID, day: date, *, used: int) -> None:
        capacity = self.loads[mailbox_id].mailbox.capacity_on(day)
        self.days.setdefault((mailbox_id, day), DayCount(capacity)).used += used


def _due_email(row: Facts, step: Step, calendar: Calendar) -> DueEmail:
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


def _attempt(row: Facts, load: MailboxLoad, step: Step, window_day: date) -> Attempt:
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
