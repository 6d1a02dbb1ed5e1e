"""Mutations of contacts."""

from dataclasses import replace
from typing import Self

import strawberry
from typing_extensions import override

from api.context import Info
from api.errors import UserErrorCode
from api.inputs.contact_csv import read_csv
from api.inputs.contacts import ContactList, DeleteContactInput, ImportContactsInput, UpdateContactInput
from api.inputs.keys import contact_key
from api.inputs.problems import Problems
from api.invalid_contacts import InvalidContact, rejected_rows
from api.mutations.answers import Input, RehearsedPayload, mutation
from api.mutations.change import changing
from api.types.contact import Contact
from api.types.contact_import import Import
from persistence.contact_imports import begin_import, end_import, record_import, write_contacts
from persistence.contacts import (
    change_contact,
    lock_contact,
    unplan_in_contact_zone,
)
from persistence.forgetting import PERSONAL, forget_contact
from persistence.tables import enrollments

MOST_IMPORTED = 50_000


@strawberry.type(description="The answer to `importContacts`.")
class ImportContactsPayload(RehearsedPayload):
    import_: Import | None = strawberry.field(
        default=None,
        name="import",
        description="The import, by which its contacts can be found and enrolled; null if it was not done.",
    )
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

    @override
    def rehearsed(self) -> Self:
        return replace(self, import_=None)


@strawberry.type(description="The answer to `updateContact`.")
class UpdateContactPayload(RehearsedPayload):
    contact: Contact | None = strawberry.field(
        default=None, description="The contact as it is now; null if the mutation was not done."
    )


@strawberry.type(description="The answer to `deleteContact`.")
class DeleteContactPayload(RehearsedPayload):
    contact: Contact | None = strawberry.field(
        default=None,
        description="What is kept of the contact: its id, and times. Null if the mutation was not done.",
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
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            import_id = await begin_import(conn, workspace_id, requested_by=info.context.caller.actor)
            counts = await write_contacts(
                conn,
                workspace_id,
                import_id,
                cards=list(listed.cards.values()),
                pseudonyms=info.context.pseudonyms,
            )
            counts.rows, counts.invalid = listed.rows, len(listed.invalid)
            counts.duplicates = listed.duplicates
            await record_import(conn, workspace_id, import_id, counts, rejected=rejected_rows(listed.invalid))
            await end_import(conn, workspace_id, import_id, now=change.now)
            await change.place()
            change.figures = counts.columns()
            return ImportContactsPayload(
                import_=await change.contact_import(import_id),
                created=counts.created,
                updated=counts.updated,
                duplicates=counts.duplicates,
                suppressed=counts.suppressed,
                invalid=listed.invalid,
                preview=change.preview,
            )

    @mutation("Change a contact. Emails take the new fields from their next claim on.")
    async def update_contact(self, info: Info, asked: Input[UpdateContactInput]) -> UpdateContactPayload:
        with Problems() as problems:
            contact_id = contact_key(asked.contact_id, problems)
            changes = asked.changes(problems)
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            before = await lock_contact(
                conn, workspace_id, contact_id, expected_version=asked.expected_version
            )
            if changes:
                await change_contact(conn, workspace_id, contact_id, changes=changes)
            if changes.get("zone", before.zone) != before.zone and await unplan_in_contact_zone(
                conn, workspace_id, [contact_id]
            ):
                await change.place()
            return UpdateContactPayload(contact=await change.contact(contact_id), preview=change.preview)

    @mutation(
        "Delete a contact for good: its enrollments end, what is planned for it is cancelled, and whatever"
        " tells who it was is erased, also from emails that were sent, which stay in all counts."
    )
    async def delete_contact(self, info: Info, asked: Input[DeleteContactInput]) -> DeleteContactPayload:
        with Problems() as problems:
            contact_id = contact_key(asked.contact_id, problems)
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            contact = await lock_contact(
                conn, workspace_id, contact_id, expected_version=asked.expected_version
            )
            await change.end(enrollments.c.contact_id == contact_id)
            await forget_contact(
                conn,
                workspace_id,
                contact,
                pseudonyms=info.context.pseudonyms,
                suppress=asked.suppress,
                now=change.now,
            )
            change.hidden = PERSONAL
            return DeleteContactPayload(contact=await change.contact(contact_id), preview=change.preview)
