"""Courses: what all enrollments of a sequence share when they are planned, and each made of its row."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.enrollments import Enrollment
from domain.ids import EnrollmentId, MailboxId, StepId, WorkspaceId
from domain.itineraries import Leg, MoveCause
from domain.lifecycle import MailboxStatus
from persistence.arrays import among
from persistence.histories import Email, History
from persistence.planning_terms import PlanningTerms, Terms
from persistence.stored_waits import WAIT_COLUMNS, read_wait
from persistence.tables import steps

_NOT_HELD = timedelta()


class Row(NamedTuple):
    """What planning reads of an enrollment and its contact."""

    id: UUID
    # Of ids that many share, the bytes: see `Email`.
    sequence_id: bytes
    mailbox_id: bytes | None
    enrolled_at: datetime
    next_position: int
    next_not_before: datetime | None
    last_window_day: date | None
    displaced_at: datetime | None
    held_for: timedelta
    contact_zone: str | None
    recipient_domain: str | None


class Course:
    """The *terms* and live *steps* of a sequence: what all of its enrollments have in common."""

    def __init__(
        self,
        terms: Terms,
        statuses: Mapping[MailboxId, MailboxStatus],
        boxes: Mapping[bytes, MailboxId],
        steps: Sequence[Leg],
    ) -> None:
        self._terms = terms
        self._boxes = boxes
        self._steps = steps
        self._statuses = statuses
        self._remaining: dict[int, tuple[Leg, ...]] = {}
        self._hands_over: dict[bytes, bool] = {}
        self._instants: dict[datetime, datetime] = {}

    def enrollment(
        self, row: Row, emails: Sequence[Email], *, may_gain: bool, may_rebind: bool
    ) -> Enrollment:
        """The enrollment of *row*, which has *emails*."""
        mailbox_id = None if row.mailbox_id is None else self._boxes[row.mailbox_id]
        is_leaving = row.mailbox_id is not None and self._is_leaving(row.mailbox_id)
        legs = self._remaining.get(row.next_position)
        if legs is None:
            legs = self._remaining[row.next_position] = tuple(
                [step for step in self._steps if step.position >= row.next_position]
            )
        last_window_day, left_at, has_started, may_leave = row.last_window_day, None, False, True
        if emails:
            history = History(emails)
            legs = history.legs(
                legs, self._boxes, loses=MoveCause.MAILBOX_HANDED_OVER if is_leaving else None
            )
            # Days on hold have moved the enrollment's own.
            last_window_day = _later(history.last_window_day, last_window_day)
            left_at, has_started = history.left_at, history.has_started
            may_leave = history.may_rebind
        return Enrollment(
            id=EnrollmentId(row.id),
            sequence=self._terms.for_zone(row.contact_zone),
            # One for all who were enrolled together.
            enrolled_at=self._instants.setdefault(row.enrolled_at, row.enrolled_at),
            legs=legs,
            mailbox_id=mailbox_id,
            last_window_day=last_window_day,
            left_at=left_at,
            not_before=row.next_not_before,
            may_change_mailbox=is_leaving or (may_rebind and may_leave),
            may_gain=may_gain,
            displaced_at=row.displaced_at,
            # Of a later step the day and the instant that its wait counts from have moved themselves.
            held_for=_NOT_HELD if has_started else row.held_for,
            recipient_domain=row.recipient_domain,
        )

    def _is_leaving(self, mailbox_id: bytes) -> bool:
        """Whether the mailbox hands its enrollments over."""
        known = self._hands_over.get(mailbox_id)
        if known is None:
            mailbox = self._boxes[mailbox_id]
            status = self._statuses[mailbox]
            if mailbox not in self._terms.linked:
                status = MailboxStatus.REMOVED
            known = status is not MailboxStatus.ACTIVE and self._terms.when_mailbox_is(status) == "TRANSFER"
            self._hands_over[mailbox_id] = known
        return known


def _later(day: date | None, other: date | None) -> date | None:
    return max([each for each in (day, other) if each is not None], default=None)


async def steps_of(
    conn: AsyncConnection, workspace_id: WorkspaceId, terms: PlanningTerms
) -> dict[UUID, list[Leg]]:
    """The live steps of each sequence, as the legs of whoever has no email of them yet."""
    rows = await conn.execute(
        select(steps.c.id, steps.c.sequence_id, steps.c.position, *WAIT_COLUMNS)
        .where(
            steps.c.workspace_id == workspace_id,
            steps.c.removed_at.is_(None),
            among(steps.c.sequence_id, list(terms.sequences)),
        )
        .order_by(steps.c.sequence_id, steps.c.position)
    )
    grouped: dict[UUID, list[Leg]] = {sequence_id: [] for sequence_id in terms.sequences}
    for row in rows:
        grouped[row.sequence_id].append(Leg(StepId(row.id), row.position, read_wait(row._mapping)))
    return grouped
