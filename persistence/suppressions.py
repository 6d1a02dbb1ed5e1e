"""Suppressions: addresses that are written to no more, and what stops with them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, Uuid, delete, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, EmailId, WorkspaceId
from domain.lifecycle import CONTACT, ContactEvent, ContactStatus, EnrollmentEvent
from domain.pseudonyms import Pseudonyms
from persistence.arrays import among, unnested
from persistence.ids import uuid7
from persistence.sequences import complete_sequences
from persistence.stops import end_enrollments
from persistence.tables import contacts, enrollments, suppressions
from persistence.transitions import transition


class SuppressionReason(StrEnum):
    HARD_BOUNCE = "HARD_BOUNCE"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    COMPLAINT = "COMPLAINT"
    MANUAL = "MANUAL"
    DELETED = "DELETED"


_STAMPED_BY = {ContactEvent.BOUNCE: "bounced_at", ContactEvent.UNSUBSCRIBE: "unsubscribed_at"}


async def unsubscribe(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, contact_id: ContactId, now: datetime
) -> bool:
    """Obey someone who wants no more emails; False when that was done before, or nobody has the id."""
    return await stop_contact(
        conn,
        workspace_id=workspace_id,
        contact_id=contact_id,
        contact_event=ContactEvent.UNSUBSCRIBE,
        enrollment_event=EnrollmentEvent.UNSUBSCRIBE,
        reason=SuppressionReason.UNSUBSCRIBED,
        email_id=None,
        now=now,
    )


async def stop_contact(
    conn: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    contact_id: ContactId,
    contact_event: ContactEvent,
    enrollment_event: EnrollmentEvent,
    reason: SuppressionReason,
    email_id: EmailId | None,
    now: datetime,
) -> bool:
    """
    Write to a contact no more: suppress the address, end its enrollments, cancel their emails.

    The contact's row is held from the beginning, so the point of no return of an email on its way comes
    wholly before this or wholly after. *email_id* is the email that gave the reason. False when nothing was
    left to do.
    """
    held = await _hold_contacts(conn, workspace_id, contacts.c.id == contact_id)
    moved = await conn.execute(
        transition(CONTACT, contacts, contact_event)
        .where(contacts.c.workspace_id == workspace_id, contacts.c.id == contact_id)
        .values({"version": contacts.c.version + 1, _STAMPED_BY[contact_event]: now})
    )
    suppressed = await _insert(
        conn,
        workspace_id,
        addresses=[contact.normalised_email for contact in held],
        reason=reason,
        email_id=email_id,
    )
    ended = await end_enrollments_of(
        conn, workspace_id, contact_ids=[contact.id for contact in held], event=enrollment_event, now=now
    )
    return moved.rowcount > 0 or suppressed > 0 or ended > 0


def has_address(addresses: Collection[str]) -> ColumnElement[bool]:
    """Whether an enrollment is that of a contact with one of *addresses*, normalised."""
    return exists().where(
        contacts.c.workspace_id == enrollments.c.workspace_id,
        contacts.c.id == enrollments.c.contact_id,
        contacts.c.status != str(ContactStatus.DELETED),
        among(contacts.c.normalised_email, addresses),
    )


async def suppress_addresses(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    addresses: Collection[str],
    reason: SuppressionReason,
    now: datetime,
) -> int:
    """
    Write to *addresses*, normalised, no more, whether contacts have them or not; how many are new here.

    The contacts stay as they are: taken off the list, they can be written to again.
    """
    held = await _hold_contacts(conn, workspace_id, among(contacts.c.normalised_email, addresses))
    suppressed = await _insert(
        conn, workspace_id, addresses=sorted(set(addresses)), reason=reason, email_id=None
    )
    await end_enrollments_of(
        conn,
        workspace_id,
        contact_ids=[contact.id for contact in held],
        event=EnrollmentEvent.CANCEL,
        now=now,
    )
    return suppressed


async def unsuppress_addresses(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, addresses: Collection[str], pseudonyms: Pseudonyms
) -> int:
    """
    Take *addresses*, normalised, off the list, so that their contacts can be enrolled again; how many.

    They are known by their pseudonyms too, where their owners were forgotten.
    """
    listed = {*addresses, *(pseudonyms.of_address(workspace_id, each) for each in addresses)}
    await _hold_contacts(conn, workspace_id, among(contacts.c.normalised_email, addresses))
    await conn.execute(
        transition(CONTACT, contacts, ContactEvent.REINSTATE)
        .where(contacts.c.workspace_id == workspace_id, among(contacts.c.normalised_email, addresses))
        .values(version=contacts.c.version + 1, bounced_at=None, unsubscribed_at=None)
    )
    removed = await conn.execute(
        delete(suppressions).where(
            suppressions.c.workspace_id == workspace_id, among(suppressions.c.address, listed)
        )
    )
    return removed.rowcount


# Any: a row has the columns that are selected.
async def _hold_contacts(
    conn: AsyncConnection, workspace_id: WorkspaceId, matching: Any
) -> Sequence[Row[Any, Any]]:
    held = await conn.execute(
        select(contacts.c.id, contacts.c.normalised_email)
        .where(
            contacts.c.workspace_id == workspace_id,
            contacts.c.status != str(ContactStatus.DELETED),
            matching,
        )
        .order_by(contacts.c.id)
        .with_for_update(key_share=True)
    )
    return held.all()


async def _insert(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    addresses: Sequence[str],
    reason: SuppressionReason,
    email_id: EmailId | None,
) -> int:
    given = unnested(
        {"id": Uuid(), "address": Text()},
        {"id": [uuid7() for _ in addresses], "address": addresses},
    )
    listing = insert(suppressions).from_select(
        ["id", "address", "workspace_id", "reason", "email_id"],
        select(
            given.c.id,
            given.c.address,
            literal(workspace_id, Uuid),
            literal(str(reason)),
            literal(email_id, Uuid),
        ).order_by(given.c.address),
    )
    if reason is SuppressionReason.COMPLAINT:
        # Whoever unsubscribes often complains as well, and it is complaints that count for the mailbox.
        listing = listing.on_conflict_do_update(
            index_elements=["workspace_id", "address"],
            set_={"reason": str(reason), "email_id": email_id, "updated_at": func.now()},
            where=suppressions.c.reason != str(reason),
        )
    else:
        listing = listing.on_conflict_do_nothing()
    return len((await conn.scalars(listing.returning(suppressions.c.id))).all())


async def end_enrollments_of(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    contact_ids: Collection[ContactId],
    event: EnrollmentEvent,
    cause: str | None = None,
    now: datetime,
) -> int:
    """End the open enrollments of several contacts, and the sequences that nobody is in then; how many."""
    ended = await end_enrollments(
        conn,
        workspace_id=workspace_id,
        matching=among(enrollments.c.contact_id, contact_ids),
        event=event,
        cause=cause,
        now=now,
    )
    if ended:
        left = {enrollment.sequence_id for enrollment in ended}
        await complete_sequences(conn, workspace_id, now=now, among_ids=left)
    return len(ended)


async def suppressed_among(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, addresses: Collection[str]
) -> frozenset[str]:
    """Which of *addresses*, normalised, are on the list."""
    found = await conn.scalars(
        select(suppressions.c.address).where(
            suppressions.c.workspace_id == workspace_id, among(suppressions.c.address, addresses)
        )
    )
    return frozenset(found)
