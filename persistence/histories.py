"""What has become of an itinerary so far: what was sent, what waits, and which steps remain."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId, EnrollmentId, MailboxId, WorkspaceId
from domain.itineraries import Leg, MoveCause, Slot
from domain.lifecycle import EmailStatus
from persistence.arrays import among
from persistence.bulk_rows import fetch_tuples
from persistence.tables import scheduled_emails
from persistence.taken_slots import TAKEN_AT

_PENDING, _CANCELLED = str(EmailStatus.PENDING), str(EmailStatus.CANCELLED)


class Email(NamedTuple):
    """What planning reads of an email that is not cancelled, unless somebody took it out."""

    id: UUID
    enrollment_id: UUID
    step_id: UUID
    status: str
    send_at: datetime | None
    # None only where there is no instant either.
    mailbox_id: UUID
    window_day: date | None
    send_day: date | None
    released_because: str | None
    is_set_by_hand: bool
    # When it is planned to leave, or left.
    instant: datetime | None

    @property
    def slot(self) -> Slot | None:
        if self.send_at is None or self.window_day is None or self.send_day is None:
            return None
        return Slot(MailboxId(self.mailbox_id), self.send_at, self.window_day, self.send_day)


class History:
    """What was sent of an itinerary, what is on its way, and what remains from its next step on."""

    def __init__(self, next_position: int, emails: Sequence[Email], live_steps: Sequence[Leg]) -> None:
        # By the number of the step's id: a UUID hashes itself in Python, and there are tens of thousands.
        self._pending: dict[int, Email] = {}
        gone: list[Email] = []
        skipped: list[Email] = []
        for email in emails:
            if email.status == _PENDING:
                self._pending[email.step_id.int] = email
            elif email.status == _CANCELLED:
                skipped.append(email)
            else:
                gone.append(email)
        self.has_started = bool(gone)
        days = [email.window_day for email in gone if email.window_day is not None]
        self.last_window_day = max(days, default=None)
        self.left_at = max([email.instant for email in gone if email.instant is not None], default=None)
        done = {email.step_id for email in (*gone, *skipped)}
        self._remaining = [
            step for step in live_steps if step.position >= next_position and step.step_id not in done
        ]

    @property
    def may_rebind(self) -> bool:
        """Whether another mailbox may have it for the sake of an earlier time."""
        return not self.has_started and not any(each.is_set_by_hand for each in self._pending.values())

    def legs(self, *, loses: MoveCause | None) -> tuple[Leg, ...]:
        return tuple([self._leg(step, loses) for step in self._remaining])

    def _leg(self, step: Leg, loses: MoveCause | None) -> Leg:
        email = self._pending.get(step.step_id.int)
        if email is None:
            return step
        held = email.slot
        if held is not None and loses is None and email.released_because is not None:
            loses = MoveCause.RELEASED
        return Leg(
            step.step_id,
            step.position,
            step.wait,
            email_id=EmailId(email.id),
            held=held,
            loses_slot=loses if held is not None else None,
            is_set_by_hand=email.is_set_by_hand,
        )


async def emails_of(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> dict[int, list[Email]]:
    """The emails of each of the enrollments *ids* that has any, by the number of its id."""
    columns = scheduled_emails.c
    rows = await fetch_tuples(
        conn,
        select(*(columns[name] for name in Email._fields[:-1]), TAKEN_AT).where(
            columns.workspace_id == workspace_id,
            among(columns.enrollment_id, ids),
            or_(columns.status != _CANCELLED, columns.is_skipped),
        ),
    )
    grouped: dict[int, list[Email]] = {}
    for email in map(Email._make, rows):
        grouped.setdefault(email.enrollment_id.int, []).append(email)
    return grouped
