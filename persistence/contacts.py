"""Contacts: written by address, so that whoever is known already is brought up to date."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, Uuid, cast, func, literal, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, WorkspaceId
from domain.lifecycle import ContactStatus
from domain.pseudonyms import Pseudonyms
from persistence.arrays import among, unnested
from persistence.database import notify
from persistence.forgetting import recall_forgotten
from persistence.ids import uuid7
from persistence.locks import lock_row
from persistence.refusals import Noun, UnknownObject
from persistence.stops import OPEN
from persistence.tables import contacts, enrollments, sequences

_FIELDS = ("first_name", "last_name", "company", "phone", "zone")
_IS_LIVE = text("status <> 'DELETED'")


@dataclass(frozen=True, slots=True)
class ContactCard:
    """What is known of someone; None leaves what a known contact has. *zone* is an IANA name."""

    email: str
    normalised_email: str
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    phone: str | None = None
    zone: str | None = None
    custom_fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upserted:
    contact_id: ContactId
    is_new: bool


async def upsert_contacts(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    cards: Sequence[ContactCard],
    pseudonyms: Pseudonyms,
    import_id: UUID | None = None,
) -> dict[str, Upserted]:
    """
    Make a contact of each card, or bring the one with its address up to date; answered by normalised address.

    Who was deleted and is to be forgotten is a new contact, and suppressed.
    No two *cards* have one address. Custom fields are added to, the others replaced where the card has them.
    Where another zone moves emails, the planner hears of it.
    """
    if not cards:
        return {}
    in_turn = sorted(cards, key=lambda card: card.normalised_email)
    addresses = [card.normalised_email for card in in_turn]
    await _hold_known(conn, workspace_id, addresses)
    await recall_forgotten(conn, workspace_id, pseudonyms=pseudonyms, addresses=addresses)
    relocated = await _relocated(conn, workspace_id, in_turn)
    given = unnested(
        {"id": Uuid(), **dict.fromkeys(("email", "normalised_email", *_FIELDS, "custom_fields"), Text())},
        {
            "id": [uuid7() for _ in in_turn],
            **{
                name: [getattr(card, name) for card in in_turn]
                for name in ("email", "normalised_email", *_FIELDS)
            },
            "custom_fields": [json.dumps(dict(card.custom_fields)) for card in in_turn],
        },
    )
    names = ["workspace_id", "import_id", "id", "email", "normalised_email", *_FIELDS, "custom_fields"]
    rows = select(
        literal(workspace_id, Uuid),
        literal(import_id, Uuid),
        *(given.c[name] for name in names[2:-1]),
        cast(given.c.custom_fields, JSONB),
    ).order_by(given.c.ordinal)
    writing = upsert(contacts).from_select(names, rows)
    written = await conn.execute(
        writing.on_conflict_do_update(
            index_elements=[contacts.c.workspace_id, contacts.c.normalised_email],
            index_where=_IS_LIVE,
            set_={
                **{name: func.coalesce(writing.excluded[name], contacts.c[name]) for name in _FIELDS},
                "custom_fields": contacts.c.custom_fields.op("||")(writing.excluded.custom_fields),
                "import_id": func.coalesce(writing.excluded.import_id, contacts.c.import_id),
                "version": contacts.c.version + 1,
                "updated_at": func.now(),
            },
            # xmax: a row that was just inserted has never been locked.
        ).returning(contacts.c.normalised_email, contacts.c.id, literal_column("contacts.xmax = 0"))
    )
    if relocated and await unplan_in_contact_zone(conn, workspace_id, relocated):
        await notify(conn, "plan")
    return {address: Upserted(ContactId(row_id), is_new) for address, row_id, is_new in written.all()}


async def _hold_known(conn: AsyncConnection, workspace_id: WorkspaceId, addresses: Collection[str]) -> None:
    """Lock those that exist by id, as everyone does; the upsert itself goes by address."""
    held = (
        select(contacts.c.id)
        .where(
            contacts.c.workspace_id == workspace_id,
            among(contacts.c.normalised_email, addresses),
            contacts.c.status != str(ContactStatus.DELETED),
        )
        .order_by(contacts.c.id)
        .with_for_update(key_share=True)
    )
    await conn.execute(select(func.count()).select_from(held.subquery()))


async def _relocated(
    conn: AsyncConnection, workspace_id: WorkspaceId, cards: Sequence[ContactCard]
) -> list[ContactId]:
    """The known contacts to whom *cards* give another zone."""
    zones = [(card.normalised_email, card.zone) for card in cards if card.zone is not None]
    if not zones:
        return []
    addresses, names = zip(*zones, strict=True)
    given = unnested({"address": Text(), "zone": Text()}, {"address": addresses, "zone": names})
    found = await conn.scalars(
        select(contacts.c.id)
        .join(given, given.c.address == contacts.c.normalised_email)
        .where(
            contacts.c.workspace_id == workspace_id,
            contacts.c.status != str(ContactStatus.DELETED),
            contacts.c.zone.is_distinct_from(given.c.zone),
        )
    )
    return [ContactId(each) for each in found]


# Any: a row has the columns of its table.
async def lock_contact(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    contact_id: ContactId,
    *,
    expected_version: int | None = None,
) -> Row[Any]:
    """
    Lock a contact that is not deleted, and answer it.

    Raises:
        UnknownObject, StaleObject: As for every lock.
    """
    contact = await lock_row(
        conn,
        contacts,
        Noun.CONTACT,
        workspace_id=workspace_id,
        row_id=contact_id,
        expected_version=expected_version,
    )
    if contact.status == ContactStatus.DELETED:
        raise UnknownObject(Noun.CONTACT, [contact_id])
    return contact


async def change_contact(
    conn: AsyncConnection, workspace_id: WorkspaceId, contact_id: ContactId, *, changes: Mapping[str, object]
) -> None:
    """Write *changes* by column to a locked contact."""
    await conn.execute(
        update(contacts)
        .where(contacts.c.workspace_id == workspace_id, contacts.c.id == contact_id)
        .values({**changes, "version": contacts.c.version + 1})
    )


async def unplan_in_contact_zone(
    conn: AsyncConnection, workspace_id: WorkspaceId, contact_ids: Collection[ContactId]
) -> int:
    """Ask the planner to look again at what is sent by the contacts' own clocks; how many enrollments."""
    follows_contact = select(sequences.c.id).where(
        sequences.c.workspace_id == workspace_id, sequences.c.uses_contact_zone
    )
    held = (
        select(enrollments.c.id)
        .where(
            enrollments.c.workspace_id == workspace_id,
            among(enrollments.c.contact_id, contact_ids),
            enrollments.c.status.in_(OPEN),
            enrollments.c.sequence_id.in_(follows_contact),
        )
        .order_by(enrollments.c.id)
        .with_for_update(key_share=True)
        .cte("held")
    )
    unplanned = await conn.execute(
        update(enrollments).where(enrollments.c.id == held.c.id).values(planned_at=None)
    )
    return unplanned.rowcount
