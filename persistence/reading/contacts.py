"""Reading contacts."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import ContactStatus
from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.reading.searching import has_text
from persistence.tables import contacts, enrollments, suppressions

ORDER = Order((uuid_key(contacts.c.id),))


def contacts_where(
    workspace_id: UUID,
    *,
    statuses: Collection[ContactStatus] | None = None,
    search: str | None = None,
    normalised_email: str | None = None,
    domain: str | None = None,
    import_id: UUID | None = None,
    enrolled_in: UUID | None = None,
    not_enrolled_in: UUID | None = None,
    is_suppressed: bool | None = None,
    updated_since: datetime | None = None,
) -> AnySelect:
    """Contacts; deleted ones only when *statuses* asks for them."""
    found = select(contacts).where(contacts.c.workspace_id == workspace_id, *_in_states(statuses))
    if search is not None:
        known_by = contacts.c.email, contacts.c.first_name, contacts.c.last_name, contacts.c.company
        found = found.where(has_text(search, *known_by))
    if normalised_email is not None:
        found = found.where(contacts.c.normalised_email == normalised_email)
    if domain is not None:
        found = found.where(func.split_part(contacts.c.normalised_email, "@", 2) == domain)
    if import_id is not None:
        found = found.where(contacts.c.import_id == import_id)
    if enrolled_in is not None:
        found = found.where(_is_enrolled_in(enrolled_in))
    if not_enrolled_in is not None:
        found = found.where(~_is_enrolled_in(not_enrolled_in))
    if is_suppressed is not None:
        listed = exists().where(
            suppressions.c.workspace_id == contacts.c.workspace_id,
            suppressions.c.address == contacts.c.normalised_email,
        )
        found = found.where(listed if is_suppressed else ~listed)
    if updated_since is not None:
        found = found.where(contacts.c.updated_at >= updated_since)
    return found


def _in_states(statuses: Collection[ContactStatus] | None) -> Iterator[ColumnElement[bool]]:
    if statuses is None:
        yield contacts.c.status != ContactStatus.DELETED
        return
    yield among(contacts.c.status, statuses)
    if ContactStatus.ACTIVE not in statuses:
        # As it stands in the index of these few.
        yield contacts.c.status != literal_column(f"'{ContactStatus.ACTIVE}'")


def _is_enrolled_in(sequence_id: UUID) -> ColumnElement[bool]:
    return exists().where(
        enrollments.c.workspace_id == contacts.c.workspace_id,
        enrollments.c.contact_id == contacts.c.id,
        enrollments.c.sequence_id == sequence_id,
    )


async def contact_ids(conn: AsyncConnection, rows: AnySelect, *, limit: int) -> list[UUID]:
    """The ids of the first *limit* of *rows* of contacts, oldest first."""
    return list(
        await conn.scalars(rows.with_only_columns(contacts.c.id).order_by(contacts.c.id).limit(limit))
    )


async def contacts_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    found = select(contacts).where(contacts.c.workspace_id == workspace_id, among(contacts.c.id, ids))
    return (await conn.execute(found)).all()
