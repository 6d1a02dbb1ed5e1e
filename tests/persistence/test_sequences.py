"""Sequences: what they begin with, which moves they make, and when they are complete."""

import pytest
from sqlalchemy import select, update

from domain.lifecycle import SequenceEvent
from persistence.database import Database
from persistence.enrollments import enroll, hold_for_enrolling
from persistence.refusals import NotInStatus, SequenceHasNoSteps, StaleObject, UnknownObject
from persistence.sequences import (
    add_sequence,
    change_sequence,
    complete_sequences,
    has_open_enrollments,
    lock_sequence,
    move_sequence,
)
from persistence.tables import enrollments, scheduled_emails, sequences
from tests.support.world import (
    MONDAY,
    make_contact,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)


async def test_a_new_sequence_is_a_draft_in_its_workspaces_zone(api_db: Database) -> None:
    """With no window of its own, which is NULL and not the JSON null."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn, zone="Europe/Berlin")

    async with api_db.transaction(workspace_id) as conn:
        sequence_id = await add_sequence(conn, workspace_id, settings={"name": "Welcome Campaign"})

        row = (await conn.execute(select(sequences).where(sequences.c.send_window.is_(None)))).one()
    assert (row.id, row.name, row.status, row.zone) == (
        sequence_id,
        "Welcome Campaign",
        "DRAFT",
        "Europe/Berlin",
    )


async def test_a_window_can_be_taken_away_again(api_db: Database) -> None:
    """The sequence then has none at all, and is one version further."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        window = {"weekdays": [1], "intervals": [["09:00", "17:00"]]}
        sequence_id = await make_sequence(conn, workspace_id, send_window=window)

    async with api_db.transaction(workspace_id) as conn:
        await change_sequence(conn, workspace_id, sequence_id, changes={"send_window": None})

        row = (await conn.execute(select(sequences).where(sequences.c.send_window.is_(None)))).one()
    assert row.version == 2


@pytest.mark.parametrize(
    ("status", "event", "after", "stamp"),
    [
        ("DRAFT", SequenceEvent.ACTIVATE, "ACTIVE", "activated_at"),
        ("ACTIVE", SequenceEvent.PAUSE, "PAUSED", None),
        ("PAUSED", SequenceEvent.RESUME, "ACTIVE", None),
        ("COMPLETED", SequenceEvent.ARCHIVE, "ARCHIVED", "archived_at"),
    ],
)
async def test_a_sequence_moves_and_notes_when(
    api_db: Database, status: str, event: SequenceEvent, after: str, stamp: str | None
) -> None:
    """Each move brings a new version."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id, status=status)

    async with api_db.transaction(workspace_id) as conn:
        await move_sequence(conn, workspace_id, sequence_id, event=event, now=MONDAY)

        row = (await conn.execute(select(sequences))).one()
    assert (row.status, row.version) == (after, 2)
    stamps = {name: row._mapping[name] for name in ("activated_at", "completed_at", "archived_at")}
    assert {name for name, at in stamps.items() if at == MONDAY} == ({stamp} if stamp else set())


async def test_a_sequence_without_steps_is_not_activated(api_db: Database) -> None:
    """It stays a draft."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id, steps=(), status="DRAFT")

    with pytest.raises(SequenceHasNoSteps):
        async with api_db.transaction(workspace_id) as conn:
            await move_sequence(conn, workspace_id, sequence_id, event=SequenceEvent.ACTIVATE, now=MONDAY)

    async with api_db.transaction(workspace_id) as conn:
        assert await conn.scalar(select(sequences.c.status)) == "DRAFT"


async def test_a_move_that_its_status_does_not_allow_is_refused(api_db: Database) -> None:
    """With the status that it is in; an archived one allows nothing at all."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        paused = await make_sequence(conn, workspace_id, status="PAUSED")
        archived = await make_sequence(conn, workspace_id, status="ARCHIVED")

    async with api_db.transaction(workspace_id) as conn:
        with pytest.raises(NotInStatus) as refusal:
            await move_sequence(conn, workspace_id, paused, event=SequenceEvent.PAUSE, now=MONDAY)
        with pytest.raises(NotInStatus) as ended:
            await lock_sequence(conn, workspace_id, archived)

    assert (refusal.value.noun, refusal.value.status) == ("sequence", "PAUSED")
    assert ended.value.status == "ARCHIVED"


async def test_a_sequence_of_another_workspace_is_unknown(worker_db: Database) -> None:
    """Even to a connection that sees all workspaces."""
    async with worker_db.transaction() as conn:
        mine, theirs = await make_workspace(conn), await make_workspace(conn)
        sequence_id = await make_sequence(conn, theirs)

        with pytest.raises(UnknownObject) as refusal:
            await lock_sequence(conn, mine, sequence_id)

    assert refusal.value.ids == {sequence_id}


async def test_a_stale_version_is_refused(api_db: Database) -> None:
    """With the version that the row is at."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id, version=3)

    async with api_db.transaction(workspace_id) as conn:
        with pytest.raises(StaleObject) as refusal:
            await lock_sequence(conn, workspace_id, sequence_id, expected_version=2)
        current = await lock_sequence(conn, workspace_id, sequence_id, expected_version=3)

    assert refusal.value.version == 3
    assert current.id == sequence_id


async def test_archiving_ends_the_enrollments(api_db: Database) -> None:
    """And cancels what they had still to send, in the same transaction."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = await make_mailbox(conn, workspace_id)
        sequence_id = await make_sequence(conn, workspace_id)
        enrollment_id = await make_enrollment(conn, workspace_id, sequence_id, mailbox_id=mailbox_id)
        await make_email(conn, enrollment_id)
        other = await make_enrollment(conn, workspace_id, await make_sequence(conn, workspace_id))

    async with api_db.transaction(workspace_id) as conn:
        await move_sequence(conn, workspace_id, sequence_id, event=SequenceEvent.ARCHIVE, now=MONDAY)

    async with api_db.transaction(workspace_id) as conn:
        found = await conn.execute(select(enrollments.c.id, enrollments.c.status))
        assert {row.id: row.status for row in found} == {enrollment_id: "CANCELLED", other: "ACTIVE"}
        assert await conn.scalar(select(scheduled_emails.c.status)) == "CANCELLED"


@pytest.mark.parametrize(
    ("status", "is_open"), [("ACTIVE", True), ("PAUSED", True), ("COMPLETED", False), ("BOUNCED", False)]
)
async def test_an_enrollment_is_open_while_it_may_still_send(
    api_db: Database, status: str, is_open: bool
) -> None:
    """Active or paused."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id)
        await make_enrollment(conn, workspace_id, sequence_id, status=status)

    async with api_db.transaction(workspace_id) as conn:
        assert await has_open_enrollments(conn, workspace_id, sequence_id) is is_open


async def test_sequences_whose_last_enrollment_ended_are_completed(worker_db: Database) -> None:
    """Not one that never had any, has one left, or is paused."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        finished = await make_sequence(conn, workspace_id)
        await make_enrollment(conn, workspace_id, finished, status="COMPLETED")
        await make_enrollment(conn, workspace_id, finished, status="REPLIED")
        busy = await make_sequence(conn, workspace_id)
        await make_enrollment(conn, workspace_id, busy, status="COMPLETED")
        await make_enrollment(conn, workspace_id, busy, status="PAUSED")
        empty = await make_sequence(conn, workspace_id)
        paused = await make_sequence(conn, workspace_id, status="PAUSED")
        await make_enrollment(conn, workspace_id, paused, status="COMPLETED")

        completed = await complete_sequences(conn, workspace_id, now=MONDAY)

        rows = (await conn.execute(select(sequences))).all()
    assert completed == [finished]
    assert {row.id: (row.status, row.completed_at) for row in rows} == {
        finished: ("COMPLETED", MONDAY),
        busy: ("ACTIVE", None),
        empty: ("ACTIVE", None),
        paused: ("PAUSED", None),
    }


async def test_a_sequence_that_is_just_being_enrolled_into_is_not_completed(api_db: Database) -> None:
    """Whoever enrolls holds it; it is passed over instead of waited for."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id)
        await make_enrollment(conn, workspace_id, sequence_id, status="COMPLETED")
        contact_id = await make_contact(conn, workspace_id)

    async with api_db.transaction(workspace_id) as enrolling:
        await hold_for_enrolling(enrolling, workspace_id, sequence_id)
        await enroll(enrolling, workspace_id, sequence_id, contact_ids=[contact_id], now=MONDAY)
        async with api_db.transaction(workspace_id) as conn:
            assert await complete_sequences(conn, workspace_id, now=MONDAY) == []

    async with api_db.transaction(workspace_id) as conn:
        assert await complete_sequences(conn, workspace_id, now=MONDAY) == []
        await conn.execute(update(enrollments).values(status="COMPLETED"))
        assert await complete_sequences(conn, workspace_id, now=MONDAY) == [sequence_id]
