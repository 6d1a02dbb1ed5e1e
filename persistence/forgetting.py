"""Forgetting: a contact that is deleted, what is erased with it, and what keeps it from being written to."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Text, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, WorkspaceId
from domain.lifecycle import CONTACT, ContactEvent, EnrollmentEvent
from domain.pseudonyms import Pseudonyms, unlinked
from persistence.arrays import among, unnested
from persistence.ids import uuid7
from persistence.suppressions import SuppressionReason, end_enrollments_of
from persistence.tables import (
    audit_log,
    contacts,
    email_events,
    import_errors,
    letters,
    scheduled_emails,
    suppressions,
)
from persistence.transitions import transition

# Why their emails were cancelled.
CONTACT_DELETED = "CONTACT_DELETED"
# What is known of a person, by the columns of a contact; the audit log does not repeat it.
PERSONAL = frozenset(
    {"email", "normalised_email", "first_name", "last_name", "company", "phone", "zone", "custom_fields"}
)
_ERASED: Mapping[str, object] = {
    **dict.fromkeys(("first_name", "last_name", "company", "phone", "zone", "import_id")),
    "custom_fields": {},
}


# Any: a row has the columns of its table.
async def forget_contact(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    contact: Row[Any],
    *,
    pseudonyms: Pseudonyms,
    suppress: bool,
    now: datetime,
) -> None:
    """
    Delete a locked *contact*: end its enrollments, cancel their emails, and erase who it was.

    With *suppress*, or if its address is suppressed already, a pseudonym of the address stays, by which
    `recall_forgotten` knows it again.
    """
    contact_id, address = ContactId(contact.id), contact.normalised_email
    pseudonym = pseudonyms.of_address(workspace_id, address)
    is_known = await _suppress_pseudonym(
        conn, workspace_id, address=address, pseudonym=pseudonym, anyway=suppress
    )
    instead = pseudonym if is_known else unlinked(contact_id)
    await conn.execute(
        transition(CONTACT, contacts, ContactEvent.DELETE)
        .where(contacts.c.workspace_id == workspace_id, contacts.c.id == contact_id)
        .values(
            **_ERASED, email=instead, normalised_email=instead, deleted_at=now, version=contacts.c.version + 1
        )
    )
    await end_enrollments_of(
        conn,
        workspace_id,
        contact_ids=[contact_id],
        event=EnrollmentEvent.CANCEL,
        cause=CONTACT_DELETED,
        now=now,
    )
    await _erase_emails(conn, workspace_id, contact_id)
    await _erase_mentions(conn, workspace_id, contact_id, {address, contact.email.lower()})


async def _suppress_pseudonym(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, address: str, pseudonym: str, anyway: bool
) -> bool:
    """Have a suppression of *address* tell its pseudonym instead, or make one; whether there is one now."""
    known = suppressions.c.workspace_id == workspace_id
    if anyway:
        await conn.execute(
            insert(suppressions)
            .values(
                id=uuid7(), workspace_id=workspace_id, address=address, reason=str(SuppressionReason.DELETED)
            )
            .on_conflict_do_nothing()
        )
    # Of an earlier time: the one that is there now says why.
    listed = select(suppressions.c.id).where(known, suppressions.c.address == address).exists()
    await conn.execute(delete(suppressions).where(known, suppressions.c.address == pseudonym, listed))
    renamed = await conn.execute(
        update(suppressions).where(known, suppressions.c.address == address).values(address=pseudonym)
    )
    return renamed.rowcount > 0


async def _erase_emails(conn: AsyncConnection, workspace_id: WorkspaceId, contact_id: ContactId) -> None:
    """What was written to them, and what servers said of it: subjects and texts, not that it was sent."""
    columns = scheduled_emails.c
    theirs = columns.workspace_id == workspace_id, columns.contact_id == contact_id
    email_ids = select(columns.id).where(*theirs)
    # Locked by id, as everyone does.
    held = email_ids.order_by(columns.id).with_for_update(key_share=True)
    await conn.execute(select(func.count()).select_from(held.subquery()))
    await conn.execute(update(scheduled_emails).where(*theirs).values(subject=None, last_error=None))
    await conn.execute(
        delete(letters).where(letters.c.workspace_id == workspace_id, letters.c.email_id.in_(email_ids))
    )
    await conn.execute(
        update(email_events)
        .where(email_events.c.workspace_id == workspace_id, email_events.c.email_id.in_(email_ids))
        .values(reply=None)
    )


async def _erase_mentions(
    conn: AsyncConnection, workspace_id: WorkspaceId, contact_id: ContactId, spellings: Collection[str]
) -> None:
    """
    What the audit log and the errors of imports say of them: that something was done stays, not what.

    Entries that name the address, in one of its *spellings*, are found by reading the workspace's log: no
    index knows what is in them.
    """
    email_ids = select(scheduled_emails.c.id).where(
        scheduled_emails.c.workspace_id == workspace_id, scheduled_emails.c.contact_id == contact_id
    )
    entry = audit_log.c
    told = [
        func.lower(func.coalesce(each.cast(Text), "")) for each in (entry.asked, entry.before, entry.after)
    ]
    about = or_(
        entry.object_id == contact_id,
        entry.object_id.in_(email_ids),
        *(func.strpos(each, spelling) > 0 for each in told for spelling in spellings),
    )
    await conn.execute(
        update(audit_log)
        .where(entry.workspace_id == workspace_id, about)
        .values(asked=text("NULL"), before=text("NULL"), after=text("NULL"))
    )
    await conn.execute(
        update(import_errors)
        .where(
            import_errors.c.workspace_id == workspace_id,
            among(func.lower(func.btrim(import_errors.c.email), type_=Text), spellings),
        )
        .values(email=None)
    )


async def recall_forgotten(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    pseudonyms: Pseudonyms,
    addresses: Collection[str],
) -> None:
    """
    Suppress those of *addresses*, normalised, whose owners were to be forgotten and not written to again.

    Somebody gives them to us anew; from here on the suppression tells the address, for all who look.
    """
    given = unnested(
        {"address": Text(), "pseudonym": Text()},
        {
            "address": list(addresses),
            "pseudonym": [pseudonyms.of_address(workspace_id, each) for each in addresses],
        },
    )
    known = suppressions.alias("known")
    listed = (
        select(known.c.id)
        .where(known.c.workspace_id == workspace_id, known.c.address == given.c.address)
        .exists()
    )
    held = (
        select(suppressions.c.id, given.c.address)
        .join(given, given.c.pseudonym == suppressions.c.address)
        .where(suppressions.c.workspace_id == workspace_id, ~listed)
        .order_by(suppressions.c.id)
        .with_for_update(of=suppressions)
        .cte("held")
    )
    await conn.execute(
        update(suppressions).where(suppressions.c.id == held.c.id).values(address=held.c.address)
    )
