"""Starts: how many contacts of a limited sequence begin on each day, outside of what is being planned."""

from datetime import timedelta

from domain.ids import EnrollmentId, SequenceId, WorkspaceId
from domain.starts import StartDay
from persistence.being_planned import BeingPlanned
from persistence.database import Database
from persistence.planning_terms import planning_terms
from persistence.sequence_starts import sequence_starts
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

A_DAY = timedelta(days=1)
TODAY = MONDAY.date()


async def starts(
    db: Database, workspace_id: WorkspaceId, *sequence_ids: SequenceId, planned: tuple[EnrollmentId, ...] = ()
) -> dict[StartDay, int]:
    async with db.transaction() as conn:
        terms = await planning_terms(conn, workspace_id)
        return await sequence_starts(
            conn, workspace_id, sequence_ids, since=TODAY, planned=BeingPlanned(planned), terms=terms
        )


async def test_the_first_email_of_a_contact_counts_on_the_day_of_its_window(worker_db: Database) -> None:
    """Its follow-up does not, nor does what was stopped, failed, or began before the days in question."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        box = await make_mailbox(conn, workspace_id)
        limited = await make_sequence(conn, workspace_id, mailboxes=[box], max_new_contacts_per_day=2)
        one, other, stopped, failed, early = [
            await make_enrollment(conn, workspace_id, limited, mailbox_id=box) for _ in range(5)
        ]
        await make_email(conn, one)
        await make_email(conn, one, position=2, send_at=MONDAY + A_DAY)
        await make_email(conn, other, send_at=MONDAY + A_DAY)
        await make_email(conn, stopped, status="CANCELLED")
        await make_email(conn, failed, status="FAILED")
        await make_email(conn, early, send_at=MONDAY - A_DAY)
        await make_email(conn, early, position=2)

    found = await starts(worker_db, workspace_id, limited)

    assert found == {(limited, TODAY): 1, (limited, TODAY + A_DAY): 1}


async def test_those_being_planned_count_only_if_their_first_email_has_left_the_plan(
    worker_db: Database,
) -> None:
    """What is pending of them gets its day anew; what was sent began on its day."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        box = await make_mailbox(conn, workspace_id)
        limited = await make_sequence(conn, workspace_id, mailboxes=[box], max_new_contacts_per_day=2)
        pending, sent = [await make_enrollment(conn, workspace_id, limited, mailbox_id=box) for _ in range(2)]
        await make_email(conn, pending)
        await make_email(conn, sent, status="SENT", sent_at=MONDAY)
        await make_email(conn, sent, position=2, send_at=MONDAY + A_DAY)

    found = await starts(worker_db, workspace_id, limited, planned=(pending, sent))

    assert found == {(limited, TODAY): 1}


async def test_sequences_without_a_limit_are_not_counted(worker_db: Database) -> None:
    """Nobody asks for them."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        box = await make_mailbox(conn, workspace_id)
        free = await make_sequence(conn, workspace_id, mailboxes=[box])
        await make_email(conn, await make_enrollment(conn, workspace_id, free, mailbox_id=box))

    assert await starts(worker_db, workspace_id, free) == {}
