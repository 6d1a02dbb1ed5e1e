"""What has become of an itinerary so far: what was sent, what waits, and which steps remain."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId, EnrollmentId, MailboxId, WorkspaceId
from domain.itineraries import Leg, MoveCause, Slot
from domain.lifecycle import EmailStatus
from persistence.arrays import among
from persistence.bulk_rows import fetch_tuples
from persistence.tables import scheduled_emails
from persistence.taken_slots import TAKEN_AT


class Email(NamedTuple):
    """
    What planning reads of an email that is not cancelled, unless somebody took it out.

    Ids that many emails share are read as their bytes: tens of thousands of UUIDs take longer to make, more
    memory, and hash themselves in Python.
    """

    id: UUID
    enrollment_id: bytes
    step_id: bytes
    send_at: datetime | None
    # None only where there is no instant either.
    mailbox_id: bytes | None
    window_day: date | None
    send_day: date | None
    released_because: str | None
    # Whether it left or is on its way, and when.
    is_gone: bool
    left_at: datetime | None
    is_set_by_hand: bool
    is_skipped: bool


class History:
    """What was sent of an itinerary, what is on its way, and what waits."""

    def __init__(self, emails: Sequence[Email]) -> None:
        self._pending = {each.step_id: each for each in emails if not (each.is_gone or each.is_skipped)}
        has_others = len(self._pending) < len(emails)
        done = [each for each in emails if each.is_gone or each.is_skipped] if has_others else []
        gone = [each for each in done if each.is_gone]
        self.has_started = bool(gone)
        days = [email.window_day for email in gone if email.window_day is not None]
        self.last_window_day = max(days, default=None)
        self.left_at = max([email.left_at for email in gone if email.left_at is not None], default=None)
        self._done = {each.step_id for each in done}

    @property
    def may_rebind(self) -> bool:
        """Whether another mailbox may have it for the sake of an earlier time."""
        return not self.has_started and not any(each.is_set_by_hand for each in self._pending.values())

    def legs(
        self, steps: Iterable[Leg], mailboxes: Mapping[bytes, MailboxId], *, loses: MoveCause | None
    ) -> tuple[Leg, ...]:
        """The legs of those of *steps* that were not taken yet, with their emails and slots."""
        return tuple(
            [
                self._leg(step, mailboxes, loses)
                for step in steps
                if not self._done or step.step_id.bytes not in self._done
            ]
        )

    def _leg(self, step: Leg, mailboxes: Mapping[bytes, MailboxId], loses: MoveCause | None) -> Leg:
        email = self._pending.get(step.step_id.bytes)
        if email is None:
            return step
        send_at, mailbox_id, window_day, send_day = email[3:7]
        if send_at is None or mailbox_id is None or window_day is None or send_day is None:
            return step._replace(email_id=EmailId(email.id))
        if loses is None and email.released_because is not None:
            loses = MoveCause.RELEASED
        held = Slot(mailboxes[mailbox_id], send_at, window_day, send_day)
        leg = Leg(step.step_id, step.position, step.wait, EmailId(email.id), held, loses)
        return leg._replace(is_set_by_hand=True) if email.is_set_by_hand else leg


async def emails_of(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> dict[bytes, list[Email]]:
    """The emails of each of the enrollments *ids* that has any, by the bytes of its id."""
    columns = scheduled_emails.c
    is_gone = and_(columns.status != str(EmailStatus.PENDING), ~columns.is_skipped)
    rows = await fetch_tuples(
        conn,
        select(
            columns.id,
            func.uuid_send(columns.enrollment_id),
            func.uuid_send(columns.step_id),
            columns.send_at,
            func.uuid_send(columns.mailbox_id),
            columns.window_day,
            columns.send_day,
            columns.released_because,
            is_gone,
            case((is_gone, TAKEN_AT)),
            columns.is_set_by_hand,
            columns.is_skipped,
        ).where(
            columns.workspace_id == workspace_id,
            among(columns.enrollment_id, ids),
            or_(columns.status != str(EmailStatus.CANCELLED), columns.is_skipped),
        ),
    )
    grouped: dict[bytes, list[Email]] = {}
    for email in map(Email._make, rows):
        grouped.setdefault(email.enrollment_id, []).append(email)
    return grouped
