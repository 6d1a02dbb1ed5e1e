"""Batches: what is written when one is scheduled, and how they end."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.ids import ContactId, MailboxId
from domain.lifecycle import EnrollmentEvent
from persistence.batches import BatchTerms, add_batch_sequence, schedule_batch
from persistence.database import Database, listen
from persistence.enrollments import hold_for_enrolling
from persistence.refusals import IsBatch, NoActiveMailbox, NobodyToWriteTo, NotInStatus
from persistence.sequences import complete_sequences
from persistence.stops import end_enrollments
from persistence.suppressions import SuppressionReason, suppress_addresses, unsubscribe
from persistence.tables import batches, contacts, enrollments, sequence_mailboxes, sequences, steps
from tests.support.batching import STEP, Batch, make_batch
from tests.support.world import MONDAY, make_contact, make_mailbox, make_workspace

AN_HOUR = timedelta(hours=1)


async def test_a_batch_is_a_sequence_of_one_step_that_sends(
    worker_db: Database, api_db: Database, database_url: str
) -> None:
    """It has the batch's id and all active mailboxes; its contacts wait for their instants in order."""
    async with listen(database_url) as listener:
        batch = await make_batch(worker_db, api_db, 3, boxes=2, starts_at=MONDAY + AN_HOUR, hourly_limit=200)
        heard = await listener.next(timeout_s=5)

    async with worker_db.transaction() as conn:
        sequence = (await conn.execute(select(sequences))).one()
        step = (await conn.execute(select(steps))).one()
        linked = list(await conn.scalars(select(sequence_mailboxes.c.mailbox_id)))
        row = (await conn.execute(select(batches))).one()
    assert (sequence.kind, sequence.status, sequence.activated_at) == ("ONE_OFF", "ACTIVE", MONDAY)
    assert (step.sequence_id, step.position, step.wait_days) == (sequence.id, 1, 0)
    assert sorted(linked) == sorted(batch.mailbox_ids)
    assert (row.id, row._mapping["count"], row.starts_at) == (sequence.id, 3, MONDAY + AN_HOUR)
    assert (row.delay_between_emails_s, row.hourly_limit) == (None, 200)
    assert [(each.contact_id, each.next_not_before) for each in await batch.enrollments()] == [
        (contact_id, MONDAY + AN_HOUR + number * timedelta(seconds=18))
        for number, contact_id in enumerate(batch.contact_ids)
    ]
    assert heard == "plan"


@pytest.mark.parametrize("status", ["PAUSED", "NEEDS_AUTH", "BLOCKED", "REMOVED"])
async def test_only_active_mailboxes_serve_a_batch_that_names_none(
    worker_db: Database, api_db: Database, status: str
) -> None:
    """Where there is none, nothing is scheduled."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        await make_mailbox(conn, workspace_id, status=status)

    async with api_db.transaction(workspace_id) as conn:
        with pytest.raises(NoActiveMailbox):
            await add_batch_sequence(
                conn, workspace_id, settings={"name": "Welcome"}, step=STEP, mailbox_ids=[], now=MONDAY
            )
        assert (await conn.execute(select(sequences))).all() == []


async def test_a_batch_takes_the_mailboxes_that_it_is_given(worker_db: Database, api_db: Database) -> None:
    """One on hold may be among them, none that is removed."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        paused, removed, _ = [
            await make_mailbox(conn, workspace_id, status=status)
            for status in ("PAUSED", "REMOVED", "ACTIVE")
        ]

    async def schedule_through(mailbox_id: MailboxId) -> list[MailboxId]:
        async with api_db.transaction(workspace_id) as conn:
            sequence_id = await add_batch_sequence(
                conn,
                workspace_id,
                settings={"name": "Welcome"},
                step=STEP,
                mailbox_ids=[mailbox_id],
                now=MONDAY,
            )
            linked = select(sequence_mailboxes.c.mailbox_id).where(
                sequence_mailboxes.c.sequence_id == sequence_id
            )
            return list(await conn.scalars(linked))

    assert await schedule_through(paused) == [paused]
    with pytest.raises(NotInStatus):
        await schedule_through(removed)


async def test_a_batch_needs_somebody_to_write_to(worker_db: Database, api_db: Database) -> None:
    """Of three contacts two are not written to, and one of those alone is nobody."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        await make_mailbox(conn, workspace_id)
        bounced = await make_contact(conn, workspace_id, status="BOUNCED")
        fine = await make_contact(conn, workspace_id)
    terms = BatchTerms(MONDAY, delay_between_emails_s=60)

    async def schedule(*contact_ids: ContactId) -> tuple[int, int, int]:
        async with api_db.transaction(workspace_id) as conn:
            sequence_id = await add_batch_sequence(
                conn, workspace_id, settings={"name": "Welcome"}, step=STEP, mailbox_ids=[], now=MONDAY
            )
            done = await schedule_batch(
                conn, workspace_id, sequence_id, terms=terms, contact_ids=contact_ids, now=MONDAY
            )
            return done.enrolled, done.already_enrolled, done.suppressed

    with pytest.raises(NobodyToWriteTo) as refused:
        await schedule(bounced)

    assert refused.value.suppressed == 1
    async with worker_db.transaction() as conn:
        assert (await conn.execute(select(sequences))).all() == []
    assert await schedule(bounced, fine, fine) == (1, 1, 1)
    async with worker_db.transaction() as conn:
        # The one left out takes no turn.
        assert list(await conn.scalars(select(enrollments.c.next_not_before))) == [MONDAY]


async def test_a_batch_takes_no_more_contacts(worker_db: Database, api_db: Database) -> None:
    """They were named when it was scheduled."""
    batch = await make_batch(worker_db, api_db, 1)

    async with api_db.transaction(batch.workspace_id) as conn:
        with pytest.raises(IsBatch):
            await hold_for_enrolling(conn, batch.workspace_id, batch.sequence_id)


async def _unsubscribed(batch: Batch, api_db: Database) -> None:
    async with api_db.transaction(batch.workspace_id) as conn:
        await unsubscribe(conn, workspace_id=batch.workspace_id, contact_id=batch.contact_ids[0], now=MONDAY)


async def _suppressed(batch: Batch, api_db: Database) -> None:
    async with api_db.transaction(batch.workspace_id) as conn:
        address = await conn.scalar(
            select(contacts.c.normalised_email).where(contacts.c.id == batch.contact_ids[0])
        )
        await suppress_addresses(
            conn,
            batch.workspace_id,
            addresses=[str(address)],
            reason=SuppressionReason.MANUAL,
            now=MONDAY,
        )


async def _replied(batch: Batch, api_db: Database) -> None:
    async with batch.database.transaction() as conn:
        await end_enrollments(
            conn,
            workspace_id=batch.workspace_id,
            matching=enrollments.c.contact_id == batch.contact_ids[0],
            event=EnrollmentEvent.REPLY,
            now=MONDAY,
        )
        await complete_sequences(conn, batch.workspace_id, now=MONDAY)


@pytest.mark.parametrize(
    ("stop", "status"),
    [(_unsubscribed, "UNSUBSCRIBED"), (_suppressed, "CANCELLED"), (_replied, "REPLIED")],
    ids=["unsubscribe", "suppression", "reply"],
)
async def test_whoever_wants_no_more_is_left_out_of_a_planned_batch(
    worker_db: Database,
    api_db: Database,
    stop: Callable[[Batch, Database], Awaitable[None]],
    status: str,
) -> None:
    """The other one keeps their time; a batch of which nobody is left is complete."""
    batch, alone = [await make_batch(worker_db, api_db, count, delay_between_emails_s=60) for count in (2, 1)]
    for each in (batch, alone):
        await each.plan()
        await stop(each, api_db)
        await each.plan()

    assert [each.status for each in await batch.enrollments()] == [status, "ACTIVE"]
    assert [(each.status, each.send_at - MONDAY) for each in await batch.emails()] == [
        ("CANCELLED", timedelta()),
        ("PENDING", timedelta(minutes=1)),
    ]
    assert (await batch.status(), await alone.status()) == ("ACTIVE", "COMPLETED")
