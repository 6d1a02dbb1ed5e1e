"""Reading scheduled emails: timetable, archive and those in doubt are filters of one table."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Text, Uuid, any_, bindparam, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import PHASE_OF, UNDER_WAY, EmailPhase, EmailStatus
from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Listed, Order, instant_key, uuid_key
from persistence.reading.relations import Relation, with_relations
from persistence.tables import letters, mailboxes, scheduled_emails, steps

emails = scheduled_emails.c


class EmailOrder(StrEnum):
    SEND_AT = "SEND_AT"
    SENT_AT = "SENT_AT"
    """Of emails that were sent alone (`EmailFilter.is_sent`)."""


ORDERS = {
    EmailOrder.SEND_AT: Order((instant_key(emails.send_at), uuid_key(emails.id))),
    EmailOrder.SENT_AT: Order((instant_key(emails.sent_at, is_there=True), uuid_key(emails.id))),
}
# What is still to come of an itinerary.
REMAINING = (EmailStatus.PENDING, *UNDER_WAY, EmailStatus.RETRYING)


@dataclass(frozen=True, slots=True)
class EmailFilter:
    """What is None does not filter. Times are of `send_at` and `sent_at`, *from* included, *to* not."""

    statuses: Collection[EmailStatus] | None = None
    mailbox_id: UUID | None = None
    sequence_id: UUID | None = None
    mailbox_ids: Collection[UUID] | None = None
    sequence_ids: Collection[UUID] | None = None
    batch_id: UUID | None = None
    enrollment_id: UUID | None = None
    contact_id: UUID | None = None
    step_id: UUID | None = None
    # Where it is known: sequences have an index, steps have none.
    sequence_of_step: UUID | None = None
    send_from: datetime | None = None
    send_to: datetime | None = None
    sent_from: datetime | None = None
    sent_to: datetime | None = None
    is_unplaced: bool | None = None
    is_sent: bool | None = None
    updated_since: datetime | None = None


_CONDITIONS: Mapping[str, ColumnElement[bool]] = {
    "statuses": emails.status == any_(bindparam("statuses", type_=ARRAY(Text))),
    "is_unplaced": emails.unplaced_reason.is_not(None) == bindparam("is_unplaced", type_=Boolean),
    # Where lists have them, so that nobody reads what has a slot.
    "is_at_the_end": instant_key(emails.send_at).column == literal_column("'infinity'::timestamptz"),
    # Not as a parameter, or the index of those that were sent would not be known to hold them.
    "is_sent": emails.sent_at.is_not(None),
    "mailbox_id": emails.mailbox_id == bindparam("mailbox_id"),
    "sequence_id": emails.sequence_id == bindparam("sequence_id"),
    "mailbox_ids": emails.mailbox_id == any_(bindparam("mailbox_ids", type_=ARRAY(Uuid))),
    "sequence_ids": emails.sequence_id == any_(bindparam("sequence_ids", type_=ARRAY(Uuid))),
    # A batch has the id of its sequence.
    "batch_id": emails.sequence_id == bindparam("batch_id"),
    "enrollment_id": emails.enrollment_id == bindparam("enrollment_id"),
    "contact_id": emails.contact_id == bindparam("contact_id"),
    "step_id": emails.step_id == bindparam("step_id"),
    "sequence_of_step": emails.sequence_id == bindparam("sequence_of_step"),
    "send_from": emails.send_at >= bindparam("send_from"),
    "send_to": emails.send_at < bindparam("send_to"),
    "sent_from": emails.sent_at >= bindparam("sent_from"),
    "sent_to": emails.sent_at < bindparam("sent_to"),
    "updated_since": emails.updated_at >= bindparam("updated_since"),
}


# Not as parameters either: these have indexes of their own, however long the list is.
_PHASES: Mapping[str, Collection[EmailPhase]] = {
    "is_waiting": (EmailPhase.WAITING,),
    "is_failed": (EmailPhase.FAILED,),
    "is_to_come": (EmailPhase.OPEN, EmailPhase.WAITING),
}


def _in_phases(phases: Collection[EmailPhase]) -> ColumnElement[bool]:
    return or_(*(emails.phase == literal_column(f"'{phase}'") for phase in phases))


def _phase_of(statuses: Collection[EmailStatus]) -> str | None:
    """The first of `_PHASES` that all of *statuses* are in."""
    asked = {PHASE_OF[status] for status in statuses}
    return next((name for name, phases in _PHASES.items() if asked and asked.issubset(phases)), None)


def emails_where(
    workspace_id: UUID, asked: EmailFilter, relations: Mapping[str, Relation] | None = None
) -> Listed:
    """The emails that *asked* lets through, with what they point to by *relations*."""
    given = {name: value for name in _CONDITIONS if (value := getattr(asked, name, None)) is not None}
    if asked.is_unplaced:
        given["is_at_the_end"] = True
    phase = _phase_of(asked.statuses or ())
    related = relations or {}

    def build() -> AnySelect:
        found = select(scheduled_emails).where(
            emails.workspace_id == bindparam("workspace_id"), *(_CONDITIONS[name] for name in given)
        )
        if phase is not None:
            found = found.where(_in_phases(_PHASES[phase]))
        return with_relations(found, related)

    return Listed(build, {"workspace_id": workspace_id} | given, ("emails", *given, phase, *related))


async def emails_by_id(conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[AnyRow]:
    found = select(scheduled_emails).where(emails.workspace_id == workspace_id, among(emails.id, ids))
    return (await conn.execute(found)).all()


async def emails_under_way(
    conn: AsyncConnection, workspace_id: UUID, sequence_id: UUID | None, *, most: int
) -> Sequence[AnyRow]:
    """Emails that were taken up, soonest planned first; `total` is how many there are, told or not."""
    named = select(func.unnest(mailboxes.c.under_way)).where(mailboxes.c.workspace_id == workspace_id)
    found = select(scheduled_emails, func.count().over().label("total")).where(
        emails.workspace_id == workspace_id, emails.id.in_(named), emails.status.in_(UNDER_WAY)
    )
    if sequence_id is not None:
        found = found.where(emails.sequence_id == sequence_id)
    return (await conn.execute(found.order_by(emails.send_at, emails.id).limit(most))).all()


async def letters_of(conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[AnyRow]:
    """What was written of several emails; those that were never tried have no row."""
    columns = letters.c
    found = select(columns.email_id.label("id"), columns.body_text, columns.body_html)
    return (
        await conn.execute(found.where(columns.workspace_id == workspace_id, among(columns.email_id, ids)))
    ).all()


async def itineraries_of(
    conn: AsyncConnection, workspace_id: UUID, enrollment_ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """The emails still to come of several enrollments, in the order of their steps."""
    to_come = (
        select(scheduled_emails)
        .join(steps, steps.c.id == emails.step_id)
        .where(
            emails.workspace_id == workspace_id,
            among(emails.enrollment_id, enrollment_ids),
            emails.status.in_(REMAINING),
        )
        .order_by(emails.enrollment_id, steps.c.position, emails.id)
    )
    return (await conn.execute(to_come)).all()
