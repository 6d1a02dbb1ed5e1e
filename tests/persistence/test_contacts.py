"""Contacts: one per address, brought up to date instead of doubled, whoever imports at the same time."""

import asyncio

import pytest
from sqlalchemy import select

from domain.ids import ContactId, WorkspaceId
from persistence.contact_imports import ImportCounts, begin_import, end_import, record_import
from persistence.contacts import (
    ContactCard,
    change_contact,
    lock_contact,
    unplan_in_contact_zone,
    upsert_contacts,
)
from persistence.database import Database
from persistence.refusals import StaleObject, UnknownObject
from persistence.tables import contacts, enrollments, imports
from tests.support.pseudonyms import PSEUDONYMS
from tests.support.world import MONDAY, make_contact, make_enrollment, make_sequence, make_workspace


@pytest.fixture
async def workspace_id(api_db: Database) -> WorkspaceId:
    async with api_db.transaction() as conn:
        return await make_workspace(conn)


def card(address: str, **known: str) -> ContactCard:
    return ContactCard(address, address.lower(), **known)  # type: ignore[arg-type] # no custom fields here


async def test_cards_become_contacts(api_db: Database, workspace_id: WorkspaceId) -> None:
    """With the address as written, and the import that they came by."""
    full = ContactCard(
        "Ada@example.test",
        "ada@example.test",
        first_name="Ada",
        last_name="L",
        company="Engines",
        phone="+44 1",
        zone="Europe/London",
        custom_fields={"plan": "pro", "seats": 3},
    )

    async with api_db.transaction(workspace_id) as conn:
        import_id = await begin_import(conn, workspace_id, requested_by="someone")
        written = await upsert_contacts(
            conn,
            workspace_id,
            cards=[full, card("b@example.test")],
            import_id=import_id,
            pseudonyms=PSEUDONYMS,
        )
        await record_import(conn, workspace_id, import_id, ImportCounts(rows=2, created=2))
        await end_import(conn, workspace_id, import_id, now=MONDAY)

        ada, other = (await conn.execute(select(contacts).order_by(contacts.c.normalised_email))).all()
        imported = (await conn.execute(select(imports))).one()
    assert (ada.email, ada.first_name, ada.last_name) == ("Ada@example.test", "Ada", "L")
    assert (ada.company, ada.phone, ada.zone) == ("Engines", "+44 1", "Europe/London")
    assert ada.custom_fields == {"plan": "pro", "seats": 3}
    assert (ada.status, ada.version, ada.import_id) == ("ACTIVE", 1, import_id)
    assert (other.first_name, other.custom_fields) == (None, {})
    assert (imported.rows, imported.created, imported.updated) == (2, 2, 0)
    assert (imported.status, imported.finished_at) == ("COMPLETED", MONDAY)
    assert {address: upserted.is_new for address, upserted in written.items()} == {
        "ada@example.test": True,
        "b@example.test": True,
    }
    assert written["ada@example.test"].contact_id == ada.id


async def test_a_known_contact_is_brought_up_to_date(api_db: Database, workspace_id: WorkspaceId) -> None:
    """What the card does not know stays, custom fields are added, and it is the same contact."""
    async with api_db.transaction() as conn:
        known = await make_contact(
            conn,
            workspace_id,
            email="ada@example.test",
            first_name="Ada",
            company="Engines",
            custom_fields={"plan": "free", "seats": 3},
        )
    newer = ContactCard(
        "ADA@example.test", "ada@example.test", company="Notes", custom_fields={"plan": "pro"}
    )

    async with api_db.transaction(workspace_id) as conn:
        written = await upsert_contacts(conn, workspace_id, cards=[newer], pseudonyms=PSEUDONYMS)

        row = (await conn.execute(select(contacts))).one()
    assert (row.id, row.email, row.first_name, row.company) == (known, "ada@example.test", "Ada", "Notes")
    assert (row.custom_fields, row.version) == ({"plan": "pro", "seats": 3}, 2)
    assert written["ada@example.test"].is_new is False
    assert written["ada@example.test"].contact_id == known


async def test_a_deleted_contact_is_not_brought_back(api_db: Database, workspace_id: WorkspaceId) -> None:
    """The address makes a new one beside it; so it does in another workspace."""
    async with api_db.transaction() as conn:
        await make_contact(conn, workspace_id, email="ada@example.test", status="DELETED")
        await make_contact(conn, await make_workspace(conn), email="ada@example.test")

    async with api_db.transaction(workspace_id) as conn:
        written = await upsert_contacts(
            conn, workspace_id, cards=[card("ada@example.test")], pseudonyms=PSEUDONYMS
        )

        statuses = await conn.scalars(select(contacts.c.status).order_by(contacts.c.id))
        assert statuses.all() == ["DELETED", "ACTIVE"]
    assert written["ada@example.test"].is_new is True


async def test_nothing_to_write_writes_nothing(api_db: Database, workspace_id: WorkspaceId) -> None:
    """An empty list is no statement at all."""
    async with api_db.transaction(workspace_id) as conn:
        assert await upsert_contacts(conn, workspace_id, cards=[], pseudonyms=PSEUDONYMS) == {}


async def test_imports_in_opposite_orders_do_not_wait_for_each_other(
    api_db: Database, workspace_id: WorkspaceId
) -> None:
    """Two connections write the same 200 addresses, known and new ones, forwards and backwards at once."""
    async with api_db.transaction() as conn:
        # The ids of the known ones run against their addresses.
        for number in reversed(range(0, 200, 4)):
            await make_contact(conn, workspace_id, email=f"c{number:03}@example.test")
    cards = [card(f"c{number:03}@example.test") for number in range(200)]

    async def write(turn: list[ContactCard]) -> int:
        async with api_db.transaction(workspace_id) as conn:
            written = await upsert_contacts(conn, workspace_id, cards=turn, pseudonyms=PSEUDONYMS)
            return sum(contact.is_new for contact in written.values())

    created = await asyncio.gather(*(write(turn) for turn in (cards, cards[::-1]) * 2))

    async with api_db.transaction(workspace_id) as conn:
        assert len((await conn.execute(select(contacts.c.id))).all()) == 200
    assert sum(created) == 150


async def test_contacts_that_cannot_be_changed_are_refused(
    api_db: Database, workspace_id: WorkspaceId
) -> None:
    """Deleted, of another workspace, or of another version."""
    async with api_db.transaction() as conn:
        deleted = await make_contact(conn, workspace_id, status="DELETED")
        foreign = await make_contact(conn, await make_workspace(conn))
        own = await make_contact(conn, workspace_id)

    async with api_db.transaction(workspace_id) as conn:
        for unknown in (deleted, foreign, ContactId(workspace_id)):
            with pytest.raises(UnknownObject):
                await lock_contact(conn, workspace_id, unknown)
        with pytest.raises(StaleObject):
            await lock_contact(conn, workspace_id, own, expected_version=2)


async def test_a_contacts_new_zone_is_looked_at_where_it_counts(
    api_db: Database, workspace_id: WorkspaceId
) -> None:
    """Open enrollments of sequences that go by the contact's clock are placed anew, others are not."""
    async with api_db.transaction() as conn:
        contact_id = await make_contact(conn, workspace_id)
        by_contact = await make_sequence(conn, workspace_id, uses_contact_zone=True)
        by_own = await make_sequence(conn, workspace_id)
        moved = await make_enrollment(conn, workspace_id, by_contact, contact_id, planned_at=MONDAY)
        ended = await make_enrollment(
            conn, workspace_id, by_contact, contact_id, planned_at=MONDAY, status="COMPLETED"
        )
        stays = await make_enrollment(conn, workspace_id, by_own, contact_id, planned_at=MONDAY)

    async with api_db.transaction(workspace_id) as conn:
        await change_contact(conn, workspace_id, contact_id, changes={"zone": "Pacific/Auckland"})
        unplanned = await unplan_in_contact_zone(conn, workspace_id, [contact_id])

        rows = (await conn.execute(select(enrollments.c.id, enrollments.c.planned_at))).all()
        zone = await conn.scalar(select(contacts.c.zone))
    assert {row.id: row.planned_at for row in rows} == {moved: None, ended: MONDAY, stays: MONDAY}
    assert (unplanned, zone) == (1, "Pacific/Auckland")
