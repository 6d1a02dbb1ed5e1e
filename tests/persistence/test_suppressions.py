"""Suppressions: whoever wants no more emails, or cannot get them, is written to no more."""

import asyncio
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from domain.ids import ContactId, EmailId, EnrollmentId, SequenceId, WorkspaceId
from domain.lifecycle import ContactEvent, EnrollmentEvent
from persistence.contacts import ContactCard, upsert_contacts
from persistence.database import Database
from persistence.suppressions import (
    SuppressionReason,
    stop_contact,
    suppress_addresses,
    suppressed_among,
    unsubscribe,
    unsuppress_addresses,
)
from persistence.tables import contacts, enrollments, scheduled_emails, sequences, suppressions
from tests.support.pseudonyms import PSEUDONYMS
from tests.support.world import (
    MONDAY,
    make_contact,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)


@dataclass(frozen=True)
class World:
    workspace_id: WorkspaceId
    contact_id: ContactId
    sequences: tuple[SequenceId, SequenceId]
    enrollments: tuple[EnrollmentId, EnrollmentId]
    email_id: EmailId


@pytest.fixture
async def world(api_db: Database) -> World:
    """A contact on its way through two sequences, the second of which has somebody else as well."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = await make_mailbox(conn, workspace_id)
        contact_id = await make_contact(conn, workspace_id, email="Ada@example.test")
        first, second = [await make_sequence(conn, workspace_id) for _ in range(2)]
        mine = [
            await make_enrollment(conn, workspace_id, sequence_id, contact_id, mailbox_id=mailbox_id)
            for sequence_id in (first, second)
        ]
        email_id = await make_email(conn, mine[0])
        await make_email(conn, mine[1], status="QUEUED")
        await make_enrollment(conn, workspace_id, second)
    return World(workspace_id, contact_id, (first, second), (mine[0], mine[1]), email_id)


async def emails_of(api_db: Database, world: World) -> list[str]:
    async with api_db.transaction(world.workspace_id) as conn:
        return list(await conn.scalars(select(scheduled_emails.c.status).order_by(scheduled_emails.c.id)))


async def test_unsubscribing_stops_everything(api_db: Database, world: World) -> None:
    """Contact, enrollments, emails and the list; a sequence that has nobody left is complete."""
    async with api_db.transaction(world.workspace_id) as conn:
        done = await unsubscribe(
            conn, workspace_id=world.workspace_id, contact_id=world.contact_id, now=MONDAY
        )

    async with api_db.transaction(world.workspace_id) as conn:
        contact = (await conn.execute(select(contacts).where(contacts.c.id == world.contact_id))).one()
        listed = (await conn.execute(select(suppressions))).one()
        found = await conn.execute(select(enrollments.c.contact_id, enrollments.c.status))
        statuses = [row.status for row in found if row.contact_id == world.contact_id]
        rows = await conn.execute(select(sequences.c.id, sequences.c.status))
        after = {row.id: row.status for row in rows}
    assert done is True
    assert (contact.status, contact.unsubscribed_at, contact.version) == ("UNSUBSCRIBED", MONDAY, 2)
    assert (listed.address, listed.reason, listed.email_id) == ("ada@example.test", "UNSUBSCRIBED", None)
    assert statuses == ["UNSUBSCRIBED", "UNSUBSCRIBED"]
    assert await emails_of(api_db, world) == ["CANCELLED", "CANCELLED"]
    assert after == {world.sequences[0]: "COMPLETED", world.sequences[1]: "ACTIVE"}


async def test_unsubscribing_again_changes_nothing(api_db: Database, world: World) -> None:
    """The time of the first one stays; nor does an unknown contact do harm."""
    later = MONDAY.replace(hour=15)

    async with api_db.transaction(world.workspace_id) as conn:
        wanted = {"workspace_id": world.workspace_id, "contact_id": world.contact_id}
        first = await unsubscribe(conn, **wanted, now=MONDAY)  # type: ignore[arg-type]
        second = await unsubscribe(conn, **wanted, now=later)  # type: ignore[arg-type]
        unknown = await unsubscribe(
            conn, workspace_id=world.workspace_id, contact_id=ContactId(world.email_id), now=later
        )

        stamps = await conn.scalars(
            select(contacts.c.unsubscribed_at).where(contacts.c.id == world.contact_id)
        )
        assert stamps.all() == [MONDAY]
    assert (first, second, unknown) == (True, False, False)


async def test_a_contact_of_another_workspace_is_not_stopped(worker_db: Database, world: World) -> None:
    """Not even over a connection that sees it."""
    async with worker_db.transaction() as conn:
        other = await make_workspace(conn)

        done = await unsubscribe(conn, workspace_id=other, contact_id=world.contact_id, now=MONDAY)

        assert await conn.scalar(select(suppressions.c.id)) is None
    assert done is False


async def test_a_hard_bounce_stops_the_contact_and_names_the_email(worker_db: Database, world: World) -> None:
    """As the worker's role, which records it; enrollments are BOUNCED."""
    async with worker_db.transaction() as conn:
        await stop_contact(
            conn,
            workspace_id=world.workspace_id,
            contact_id=world.contact_id,
            contact_event=ContactEvent.BOUNCE,
            enrollment_event=EnrollmentEvent.BOUNCE,
            reason=SuppressionReason.HARD_BOUNCE,
            email_id=world.email_id,
            now=MONDAY,
        )

        contact = (await conn.execute(select(contacts).where(contacts.c.id == world.contact_id))).one()
        listed = (await conn.execute(select(suppressions))).one()
        statuses = await conn.scalars(
            select(enrollments.c.status).where(enrollments.c.contact_id == world.contact_id)
        )
        assert statuses.all() == ["BOUNCED", "BOUNCED"]
    assert (contact.status, contact.bounced_at, contact.unsubscribed_at) == ("BOUNCED", MONDAY, None)
    assert (listed.reason, listed.email_id) == ("HARD_BOUNCE", world.email_id)


async def test_a_stop_comes_before_or_after_a_point_of_no_return(
    api_db: Database, worker_db: Database, world: World
) -> None:
    """It waits while a sender shares the contact, and then sees what the sender committed."""
    async with worker_db.transaction() as sending:
        await sending.execute(
            select(contacts.c.id).where(contacts.c.id == world.contact_id).with_for_update(read=True)
        )

        async def stop() -> bool:
            async with api_db.transaction(world.workspace_id) as conn:
                return await unsubscribe(
                    conn, workspace_id=world.workspace_id, contact_id=world.contact_id, now=MONDAY
                )

        stopping = asyncio.create_task(stop())
        done, _ = await asyncio.wait([stopping], timeout=0.2)
        assert not done
        await sending.execute(
            scheduled_emails.update()
            .where(scheduled_emails.c.id == world.email_id)
            .values(status="COMMITTING")
        )

    assert await stopping is True
    assert await emails_of(api_db, world) == ["COMMITTING", "CANCELLED"]


async def test_suppressing_addresses_keeps_the_contacts(api_db: Database, world: World) -> None:
    """Their enrollments end, but off the list they can be written to again; unknown addresses count too."""
    addresses = ["ada@example.test", "nobody@example.test"]

    async with api_db.transaction(world.workspace_id) as conn:
        suppressed = await suppress_addresses(
            conn, world.workspace_id, addresses=addresses, reason=SuppressionReason.MANUAL, now=MONDAY
        )
        again = await suppress_addresses(
            conn, world.workspace_id, addresses=addresses, reason=SuppressionReason.MANUAL, now=MONDAY
        )
        listed = await suppressed_among(conn, world.workspace_id, addresses=[*addresses, "b@example.test"])

        contact = (await conn.execute(select(contacts).where(contacts.c.id == world.contact_id))).one()
        statuses = await conn.scalars(
            select(enrollments.c.status).where(enrollments.c.contact_id == world.contact_id)
        )
        assert statuses.all() == ["CANCELLED", "CANCELLED"]
    assert (suppressed, again) == (2, 0)
    assert listed == set(addresses)
    assert contact.status == "ACTIVE"
    assert await emails_of(api_db, world) == ["CANCELLED", "CANCELLED"]


async def test_addresses_are_taken_off_the_list(api_db: Database, world: World) -> None:
    """Those that are not on it do not count; another workspace's list is another."""
    async with api_db.transaction(world.workspace_id) as conn:
        await suppress_addresses(
            conn,
            world.workspace_id,
            addresses=["a@example.test", "b@example.test"],
            reason=SuppressionReason.MANUAL,
            now=MONDAY,
        )
    async with api_db.transaction() as conn:
        other = await make_workspace(conn)

    async with api_db.transaction(other) as conn:
        elsewhere = await unsuppress_addresses(
            conn, other, addresses=["a@example.test"], pseudonyms=PSEUDONYMS
        )
    async with api_db.transaction(world.workspace_id) as conn:
        removed = await unsuppress_addresses(
            conn, world.workspace_id, addresses=["a@example.test", "c@example.test"], pseudonyms=PSEUDONYMS
        )
        left = await conn.scalars(select(suppressions.c.address))
        assert left.all() == ["b@example.test"]
    assert (elsewhere, removed) == (0, 1)


async def test_who_is_taken_off_the_list_can_be_written_to_again(api_db: Database, world: World) -> None:
    """Someone answers for the address: the contact that unsubscribed is active, what was stopped stays so."""
    async with api_db.transaction(world.workspace_id) as conn:
        await unsubscribe(conn, workspace_id=world.workspace_id, contact_id=world.contact_id, now=MONDAY)
        contact = contacts.c.id == world.contact_id
        address = await conn.scalar(select(contacts.c.normalised_email).where(contact))

    async with api_db.transaction(world.workspace_id) as conn:
        removed = await unsuppress_addresses(
            conn, world.workspace_id, addresses=[str(address)], pseudonyms=PSEUDONYMS
        )
        found = (
            await conn.execute(select(contacts.c.status, contacts.c.unsubscribed_at).where(contact))
        ).one()
        ended = await conn.scalars(
            select(enrollments.c.status).where(enrollments.c.contact_id == world.contact_id)
        )

    assert removed == 1
    assert tuple(found) == ("ACTIVE", None)
    assert set(ended) == {"UNSUBSCRIBED"}


async def test_suppressing_and_importing_at_once_do_not_wait_for_each_other(api_db: Database) -> None:
    """Both lock the same 100 contacts by id, although one names them by address the other way round."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        for number in reversed(range(100)):
            await make_contact(conn, workspace_id, email=f"c{number:03}@example.test")
    addresses = [f"c{number:03}@example.test" for number in range(100)]

    async def suppress() -> None:
        async with api_db.transaction(workspace_id) as conn:
            await suppress_addresses(
                conn, workspace_id, addresses=addresses, reason=SuppressionReason.MANUAL, now=MONDAY
            )

    async def write() -> None:
        async with api_db.transaction(workspace_id) as conn:
            cards = [ContactCard(address, address) for address in addresses]
            await upsert_contacts(conn, workspace_id, cards=cards, pseudonyms=PSEUDONYMS)

    await asyncio.gather(suppress(), write(), suppress(), write())

    async with api_db.transaction(workspace_id) as conn:
        listed = await suppressed_among(conn, workspace_id, addresses=addresses)
    assert listed == set(addresses)
