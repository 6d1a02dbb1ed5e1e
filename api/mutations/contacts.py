"""Mutations of contacts."""

import strawberry

from api.context import Info
from api.errors import UserErrorCode
from api.inputs.contact_csv import read_csv
from api.inputs.contacts import ContactList, ImportContactsInput, UpdateContactInput
from api.inputs.keys import contact_key
from api.inputs.problems import Problems
from api.invalid_contacts import InvalidContact
from api.mutations.answers import Input, Payload, mutation
from api.mutations.change import changing
from api.types.contact import Contact
from persistence.contacts import (
    begin_import,
    change_contact,
    complete_import,
    lock_contact,
    unplan_in_contact_zone,
    upsert_contacts,
)
from persistence.database import notify
from persistence.suppressions import suppressed_among

MOST_IMPORTED = 50_000


@strawberry.type(description="The answer to `importContacts`.")
class ImportContactsPayload(Payload):
    created: int = strawberry.field(default=0, description="Contacts that are new.")
    updated: int = strawberry.field(default=0, description="Contacts that were known and brought up to date.")
    duplicates: int = strawberry.field(
        default=0, description="Rows with the address of an earlier row; they were merged."
    )
    suppressed: int = strawberry.field(
        default=0, description="How many of the contacts are on the suppression list."
    )
    invalid: list[InvalidContact] = strawberry.field(
        default_factory=list, description="Rows that could not be taken; the others were."
    )


@strawberry.type(description="The answer to `updateContact`.")
class UpdateContactPayload(Payload):
    contact: Contact | None = strawberry.field(
        default=None, description="The contact as it is now; null if the mutation was not done."
    )


@strawberry.type
class ContactMutations:
    @mutation("Add contacts, or bring those whose address is known up to date.")
    async def import_contacts(self, info: Info, asked: Input[ImportContactsInput]) -> ImportContactsPayload:
        listed = ContactList()
        with Problems() as problems:
            if asked.csv is not None:
                with problems.at("csv"):
                    read_csv(asked.csv, listed)
            listed.add_all(asked.contacts)
            if len(listed.cards) > MOST_IMPORTED:
                problems.add(UserErrorCode.TOO_MANY, f"There are more than {MOST_IMPORTED}.", "csv")
        async with changing(info) as change:
            conn, workspace_id = change.conn, change.workspace_id
            import_id = await begin_import(conn, workspace_id)
            written = await upsert_contacts(
                conn, workspace_id, cards=list(listed.cards.values()), import_id=import_id
            )
            created = sum(contact.is_new for contact in written.values())
            suppressed = await suppressed_among(conn, workspace_id, addresses=written.keys())
            payload = ImportContactsPayload(
                created=created,
                updated=len(written) - created,
                duplicates=listed.duplicates,
                suppressed=len(suppressed),
                invalid=listed.invalid,
            )
            counts = {
                "rows": listed.rows,
                "created": payload.created,
                "updated": payload.updated,
                "invalid": len(payload.invalid),
                "suppressed": payload.suppressed,
            }
            await complete_import(conn, workspace_id, import_id, counts=counts)
            change.figures = counts
            return payload

    @mutation("Change a contact. Emails take the new fields from their next claim on.")
    async def update_contact(self, info: Info, asked: Input[UpdateContactInput]) -> UpdateContactPayload:
        with Problems() as problems:
            contact_id = contact_key(asked.contact_id, problems)
            changes = asked.changes(problems)
        async with changing(info) as change:
            conn, workspace_id = change.conn, change.workspace_id
            before = await lock_contact(
                conn, workspace_id, contact_id, expected_version=asked.expected_version
            )
            if changes:
                await change_contact(conn, workspace_id, contact_id, changes=changes)
            if changes.get("zone", before.zone) != before.zone and await unplan_in_contact_zone(
                conn, workspace_id, contact_id
            ):
                await notify(conn, "plan")
            return UpdateContactPayload(contact=await change.contact(contact_id))
