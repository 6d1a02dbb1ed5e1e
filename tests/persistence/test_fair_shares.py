"""Who gives way to newcomers: which rows are found, which are left out, and which are locked."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.enrollments import Enrollment
from domain.ids import EnrollmentId, MailboxId, SequenceId, WorkspaceId
from persistence.database import Database
from persistence.fair_shares import with_yielding
from persistence.open_enrollments import enrollments_for_planning
from persistence.planning_terms import planning_terms
from persistence.tables import enrollments, mailboxes, scheduled_emails, sequences
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

EIGHT = MONDAY - timedelta(hours=1)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True)
class Shared:
    """A big sequence, three of whose contacts start today, and one newcomer of a small one beside it."""

    db: Database
    workspace_id: WorkspaceId
    mailbox_id: MailboxId
    big_id: SequenceId
    # In the order in which they were enrolled.
    waiting: tuple[EnrollmentId, ...]
    newcomer: EnrollmentId

    async def yielding(self, *, ending: tuple[EnrollmentId, ...] = (), lock: bool = True) -> list[Enrollment]:
        """What is planned beside the newcomer."""
        async with self.db.transaction() as conn:
            terms = await planning_terms(conn, self.workspace_id)
            planned = await enrollments_for_planning(conn, self.workspace_id, [self.newcomer], terms=terms)
            found = await with_yielding(
                conn, self.workspace_id, planned, ending=ending, terms=terms, now=EIGHT, lock=lock
            )
        assert [each.id for each in found[:1]] == [self.newcomer]
        return found[1:]

    # Any: columns have values of every type.
    async def change(self, table: Any, row_id: Any, **values: Any) -> None:
        column = table.c.enrollment_id if table is scheduled_emails else table.c.id
        async with self.db.transaction() as conn:
            await conn.exec_driver_sql("SET LOCAL ROLE none")
            await conn.execute(update(table).where(column == row_id).values(values))


@pytest.fixture
async def shared(worker_db: Database) -> Shared:
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        box = await make_mailbox(conn, workspace_id)
        big = await make_sequence(conn, workspace_id, mailboxes=[box])
        small = await make_sequence(conn, workspace_id, mailboxes=[box])
        waiting = []
        for number in range(3):
            enrolled_at = EIGHT + number * MINUTE
            enrollment_id = await make_enrollment(
                conn, workspace_id, big, mailbox_id=box, planned_at=EIGHT, enrolled_at=enrolled_at
            )
            await make_email(conn, enrollment_id, send_at=MONDAY + number * MINUTE)
            await make_email(conn, enrollment_id, position=2, send_at=MONDAY + 2 * DAY + number * MINUTE)
            waiting.append(enrollment_id)
        newcomer = await make_enrollment(conn, workspace_id, small, enrolled_at=EIGHT + 9 * MINUTE)
    return Shared(worker_db, workspace_id, box, big, tuple(waiting), newcomer)


async def test_whoever_came_last_of_the_first_day_gives_way(shared: Shared) -> None:
    """With all emails, for no more than the newcomer has; it is the newcomer's sequence that it yields to."""
    (found,) = await shared.yielding()

    assert found.id == shared.waiting[-1]
    assert found.yields_to != shared.big_id
    assert [leg.held.send_at for leg in found.legs if leg.held] == [
        MONDAY + 2 * MINUTE,
        MONDAY + 2 * DAY + 2 * MINUTE,
    ]


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (enrollments, {"displaced_at": EIGHT}),
        (enrollments, {"last_window_day": EIGHT.date()}),
        (enrollments, {"status": "PAUSED", "paused_at": EIGHT}),
        (scheduled_emails, {"send_at": EIGHT + 4 * MINUTE}),
        (scheduled_emails, {"status": "RETRYING", "retry_at": MONDAY}),
    ],
    ids=["gave way before", "has started", "is paused", "is about to leave", "is under way"],
)
async def test_who_may_not_give_way_is_left_out(shared: Shared, table: Any, values: dict[str, Any]) -> None:
    """Whoever came before that gives way."""
    await shared.change(table, shared.waiting[-1], **values)

    assert [each.id for each in await shared.yielding()] == [shared.waiting[1]]


async def test_who_ends_with_this_plan_is_left_out(shared: Shared) -> None:
    """It has no place in the plan that somebody could take."""
    found = await shared.yielding(ending=shared.waiting[1:])

    assert [each.id for each in found] == [shared.waiting[0]]


async def test_who_has_an_email_elsewhere_stays(shared: Shared) -> None:
    """Its follow-up waits in another mailbox, and would have to move for more than a newcomer."""
    async with shared.db.transaction() as conn:
        other = await make_mailbox(conn, shared.workspace_id)
        await conn.exec_driver_sql("SET LOCAL ROLE none")
        last = scheduled_emails.c.enrollment_id == shared.waiting[-1]
        await conn.execute(
            update(scheduled_emails)
            .where(last, scheduled_emails.c.send_day > MONDAY.date())
            .values(mailbox_id=other)
        )

    assert await shared.yielding() == []


@pytest.mark.parametrize("table", [sequences, mailboxes])
async def test_nobody_gives_way_who_is_more_urgent_or_whose_mailbox_is_paused(
    shared: Shared, table: Any
) -> None:
    """Where nobody does, the newcomers are planned alone."""
    if table is sequences:
        await shared.change(sequences, shared.big_id, priority=1)
    else:
        await shared.change(mailboxes, shared.mailbox_id, status="PAUSED")

    assert await shared.yielding() == []


async def test_whom_somebody_is_changing_is_not_waited_for(shared: Shared) -> None:
    """It stays where it is; a preview, which writes nothing, needs no lock."""
    last = shared.waiting[-1]
    async with shared.db.transaction() as conn:
        await conn.execute(select(enrollments.c.id).where(enrollments.c.id == last).with_for_update())

        assert await shared.yielding() == []
        assert [each.id for each in await shared.yielding(lock=False)] == [last]


async def test_who_gives_way_is_locked(shared: Shared) -> None:
    """Until the plan is written nobody else changes it; those who stay are free."""
    free = select(enrollments.c.id).order_by(enrollments.c.id).with_for_update(skip_locked=True)
    async with shared.db.transaction() as conn:
        terms = await planning_terms(conn, shared.workspace_id)
        planned = await enrollments_for_planning(conn, shared.workspace_id, [shared.newcomer], terms=terms)
        await with_yielding(conn, shared.workspace_id, planned, ending=(), terms=terms, now=EIGHT, lock=True)
        async with shared.db.transaction() as other:
            found = (await other.scalars(free.where(enrollments.c.id.in_(shared.waiting)))).all()

    assert found == list(shared.waiting[:2])
