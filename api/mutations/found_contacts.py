"""Contacts that a mutation is to find: those of an import, and those that a filter holds for."""

from uuid import UUID

from api.auditing import TABLES
from api.errors import UserErrorCode
from api.inputs import values
from api.inputs.contact_filter import ContactFilter
from api.inputs.enrollments import MOST_FOUND, EnrollContactsInput
from api.inputs.problems import Problems, refuse
from api.mutations.change import Change
from domain.ids import ContactId
from domain.lifecycle import ContactStatus
from persistence.audit_log import columns_of
from persistence.reading.contacts import contact_ids
from persistence.tables import contacts


async def found_contacts(change: Change, asked: EnrollContactsInput) -> list[ContactId]:
    """
    Whom the import and the filter of *asked* name, each of them oldest first.

    Raises:
        InputRefused: There is no such import, or too many are found, or the filter names what is not here.
    """
    found: dict[UUID, None] = {}
    if asked.import_id is not None:
        await _see(change, "Import", asked.import_id, "importId")
        found |= dict.fromkeys(await _find(change, ContactFilter(import_id=asked.import_id), "importId"))
    if asked.filter is not None:
        for field, kind, text in asked.filter.ids():
            await _see(change, kind, text, "filter", field)
        found |= dict.fromkeys(await _find(change, asked.filter, "filter"))
    return [ContactId(each) for each in found]


async def _find(change: Change, filter_: ContactFilter, field: str) -> list[UUID]:
    # Whoever is deleted is written to no more, also where a filter asks for them.
    living = filter_.rows(change.workspace_id).where(contacts.c.status != str(ContactStatus.DELETED))
    found = await contact_ids(change.conn, living, limit=MOST_FOUND + 1)
    if len(found) > MOST_FOUND:
        raise refuse(UserErrorCode.TOO_MANY, f"There are more than {MOST_FOUND}.", field)
    return found


async def _see(change: Change, kind: str, text: str, *path: str) -> None:
    """Refuse an id that names nothing here: it would be taken for one that nobody belongs to."""
    with Problems() as problems, problems.at(*path):
        key = values.object_id(kind, text)
    if await columns_of(change.conn, change.workspace_id, TABLES[kind], key) is None:
        raise refuse(UserErrorCode.NOT_FOUND, f"There is no {kind.lower()} with this id.", *path)
