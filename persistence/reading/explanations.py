"""Reading what explains the times of a few emails: their enrollments, terms, and who else is around them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Uuid, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.contact_gap import ContactGap
from domain.enrollments import Enrollment
from domain.explanation import Explanation, days_between, explain
from domain.ids import EmailId, EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.itineraries import Leg, UnplacedReason
from domain.lifecycle import EmailStatus
from domain.mailboxes import UNLIMITED
from domain.plan import Taken
from domain.starts import StartDay
from domain.surroundings import Surroundings
from persistence.arrays import among, unnested
from persistence.being_planned import BeingPlanned
from persistence.contact_gaps import contact_gap
from persistence.open_enrollments import enrollments_for_planning
from persistence.planning_terms import PlanningTerms, planning_terms
from persistence.reading.pages import AnyRow
from persistence.recipient_domains import recipient_domain
from persistence.sequence_starts import sequence_starts
from persistence.tables import contacts, enrollments, scheduled_emails
from persistence.taken_slots import TAKEN_AT, TAKING

_A_DAY = timedelta(days=1)
_emails = scheduled_emails.c
# When its enrollment was planned last; nothing while it waits for the planner.
_PLANNED_AT = case(
    (
        enrollments.c.planned_at.is_not(None),
        func.greatest(enrollments.c.planned_at, enrollments.c.replanned_at),
    )
)
_Day = tuple[MailboxId, date]


@dataclass(frozen=True, slots=True)
class Explainable:
    """Everything that :func:`explain` wants to know of one email."""

    email_id: EmailId
    enrollment: Enrollment
    leg: Leg
    surroundings: Surroundings | None
    planned_at: datetime | None
    unplaced_reason: UnplacedReason | None

    def explained(self) -> Explanation:
        return explain(
            self.enrollment,
            self.leg,
            surroundings=self.surroundings,
            planned_at=self.planned_at,
            unplaced_reason=self.unplaced_reason,
        )


async def explainable_emails(
    conn: AsyncConnection, workspace_id: WorkspaceId, email_ids: Collection[UUID]
) -> list[Explainable]:
    """
    Those of *email_ids* that are pending, in enrollments that have not ended; nothing is locked.

    Six statements however many they are, one more if a sequence limits its new contacts, and two where emails
    to one contact are to be days apart. Of days that are full, emails are counted instead of read.
    """
    rows = await _pending(conn, workspace_id, email_ids)
    if not rows:
        return []
    first_enrolled = min(row.enrolled_at for row in rows)
    terms = await planning_terms(conn, workspace_id)
    ids = {EnrollmentId(row.enrollment_id) for row in rows}
    found = await enrollments_for_planning(conn, workspace_id, ids, terms=terms, also_paused=True)
    legs = {leg.email_id: (each, leg) for each in found for leg in each.legs}
    asked = [(row, *legs[EmailId(row.id)]) for row in rows if EmailId(row.id) in legs]
    counts = await _counts(conn, workspace_id, (each[1:] for each in asked))
    near = _near(leg for _, _, leg in asked)
    readable = [day for day, count in counts.items() if day in near or _has_room(terms, day, count)]
    taken = await _taken(conn, workspace_id, readable, terms)
    starts = await sequence_starts(
        conn,
        workspace_id,
        {each.sequence.id for _, each, _ in asked},
        since=first_enrolled.date(),
        planned=BeingPlanned(()),
        terms=terms,
    )
    gap = await contact_gap(
        conn, workspace_id, ids, planned=(), terms=terms, since=first_enrolled.date() - _A_DAY
    )
    return [
        Explainable(
            email_id=EmailId(row.id),
            enrollment=enrollment,
            leg=leg,
            surroundings=_surroundings(enrollment, leg, terms, counts, taken, starts, gap),
            planned_at=row.planned_at,
            unplaced_reason=None if row.unplaced_reason is None else UnplacedReason(row.unplaced_reason),
        )
        for row, enrollment, leg in asked
    ]


async def _pending(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    rows = await conn.execute(
        select(
            _emails.id,
            _emails.enrollment_id,
            _emails.unplaced_reason,
            _PLANNED_AT.label("planned_at"),
            enrollments.c.enrolled_at,
        )
        .join(enrollments, enrollments.c.id == _emails.enrollment_id)
        .where(
            _emails.workspace_id == workspace_id,
            among(_emails.id, ids),
            _emails.status == str(EmailStatus.PENDING),
        )
        .order_by(_emails.id)
    )
    return rows.all()


async def _counts(
    conn: AsyncConnection, workspace_id: WorkspaceId, asked: Iterable[tuple[Enrollment, Leg]]
) -> dict[_Day, int]:
    """How many emails each mailbox has on each day that matters to one of those *asked* about."""
    spans: dict[MailboxId, tuple[date, date]] = {}
    for enrollment, leg in asked:
        if leg.held is not None and (days := days_between(enrollment, leg)) is not None:
            first, last = spans.get(leg.held.mailbox_id, days)
            spans[leg.held.mailbox_id] = (min(first, days[0]), max(last, days[1]))
    given = unnested(
        {"mailbox_id": Uuid(), "first": Date(), "last": Date()},
        {
            "mailbox_id": list(spans),
            "first": [first for first, _ in spans.values()],
            "last": [last for _, last in spans.values()],
        },
    )
    within = and_(
        _emails.mailbox_id == given.c.mailbox_id, _emails.send_day.between(given.c.first, given.c.last)
    )
    rows = await conn.execute(
        select(_emails.mailbox_id, _emails.send_day, func.count().label("emails"))
        .join(given, within)
        .where(*_is_taking(workspace_id))
        .group_by(_emails.mailbox_id, _emails.send_day)
    )
    return {(MailboxId(row.mailbox_id), row.send_day): row.emails for row in rows}


def _near(legs: Iterable[Leg]) -> set[_Day]:
    """The days on which instants decide, and their neighbours, to which the gap is kept."""
    return {
        (leg.held.mailbox_id, leg.held.send_day + ahead * _A_DAY)
        for leg in legs
        if leg.held is not None
        for ahead in (-1, 0, 1)
    }


def _has_room(terms: PlanningTerms, day: _Day, count: int) -> bool:
    mailbox_id, send_day = day
    capacity = terms.mailboxes[mailbox_id].capacity_on(send_day)
    return capacity == UNLIMITED or count < capacity


async def _taken(
    conn: AsyncConnection, workspace_id: WorkspaceId, days: Sequence[_Day], terms: PlanningTerms
) -> dict[_Day, list[Taken]]:
    given = unnested(
        {"mailbox_id": Uuid(), "day": Date()},
        {"mailbox_id": [mailbox_id for mailbox_id, _ in days], "day": [day for _, day in days]},
    )
    on_day = and_(_emails.mailbox_id == given.c.mailbox_id, _emails.send_day == given.c.day)
    rows = await conn.execute(
        select(
            _emails.id,
            _emails.mailbox_id,
            _emails.send_day,
            _emails.sequence_id,
            _emails.status,
            TAKEN_AT,
            contacts.c.zone,
            recipient_domain(terms.mailboxes.values()),
        )
        .join(given, on_day)
        .join(contacts, contacts.c.id == _emails.contact_id)
        .where(*_is_taking(workspace_id))
        .order_by(_emails.id)
    )
    taken: dict[_Day, list[Taken]] = {day: [] for day in days}
    for row in rows:
        its_terms = terms.sequences.get(SequenceId(row.sequence_id))
        calendar = None
        if its_terms is not None and its_terms.shifts and row.status == EmailStatus.PENDING:
            calendar = its_terms.for_zone(row.zone).calendar
        email = Taken(EmailId(row.id), MailboxId(row.mailbox_id), row.instant, calendar, row.recipient_domain)
        taken[email.mailbox_id, row.send_day].append(email)
    return taken


def _is_taking(workspace_id: WorkspaceId) -> tuple[ColumnElement[bool], ...]:
    return (
        _emails.workspace_id == workspace_id,
        _emails.status.in_([str(status) for status in TAKING]),
        _emails.send_at.is_not(None),
    )


def _surroundings(
    enrollment: Enrollment,
    leg: Leg,
    terms: PlanningTerms,
    counts: Mapping[_Day, int],
    taken: Mapping[_Day, list[Taken]],
    starts: Mapping[StartDay, int],
    gap: ContactGap | None,
) -> Surroundings | None:
    days = days_between(enrollment, leg)
    if leg.held is None or days is None:
        return None
    mailbox_id = leg.held.mailbox_id
    mine = [day for day in counts if day[0] == mailbox_id and days[0] <= day[1] <= days[1]]
    others = (each for day in mine for each in taken.get(day, ()) if each.email_id != leg.email_id)
    return Surroundings(
        mailbox=terms.mailboxes[mailbox_id],
        calendars=tuple(terms.calendars.get(mailbox_id, ())),
        taken=tuple(others),
        counted={day: counts[mailbox_id, day] for _, day in mine if (mailbox_id, day) not in taken},
        starts=starts,
        contact_gap=gap,
    )
