"""Enrollments as they are asked for."""

import strawberry

from api.errors import UserErrorCode
from api.inputs.contact_filter import ContactFilter
from api.inputs.contacts import ContactInput, ContactList
from api.inputs.keys import contact_keys
from api.inputs.problems import Problems
from api.inputs.rehearsals import Rehearsable
from domain.ids import ContactId

MOST_CONTACTS = 5_000
# Their ids need not be sent by anyone.
MOST_FOUND = 50_000


def read_contacts(
    contact_ids: list[strawberry.ID], contacts: list[ContactInput], problems: Problems
) -> tuple[list[ContactId], ContactList]:
    """The known contacts and the new ones of an input, both in their order."""
    known = contact_keys(contact_ids, problems, most=MOST_CONTACTS)
    if len(contact_ids) + len(contacts) > MOST_CONTACTS >= len(contact_ids):
        problems.add(UserErrorCode.TOO_MANY, f"There are more than {MOST_CONTACTS}.", "contacts")
    listed = ContactList()
    listed.add_all(contacts)
    return known, listed


@strawberry.input(
    description="Contacts to put on their way through a sequence, by one of these ways or several."
)
class EnrollContactsInput(Rehearsable):
    sequence_id: strawberry.ID = strawberry.field(description="The sequence: a draft, active or completed.")
    contact_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description=f"Known contacts; with the new ones at most {MOST_CONTACTS}."
    )
    contacts: list[ContactInput] = strawberry.field(
        default_factory=list,
        description="Contacts to add, or to bring up to date if their address is known, and to enroll.",
    )
    import_id: strawberry.ID | None = strawberry.field(
        default=None, description=f"All contacts of an import as well, at most {MOST_FOUND}."
    )
    filter: ContactFilter | None = strawberry.field(
        default=None,
        description=f"All contacts that this holds for as well, at most {MOST_FOUND}; `{{}}` is all.",
    )

    @property
    def names_anybody(self) -> bool:
        """Whether it says who, be there any such contacts or not."""
        by_id = self.import_id is not None or self.filter is not None
        return bool(self.contact_ids or self.contacts or by_id)


@strawberry.input(description="Which enrollment.")
class EnrollmentChoice:
    enrollment_id: strawberry.ID = strawberry.field(description="The enrollment.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the enrollment is not at this version."
    )


@strawberry.input(description="Which enrollment is put on hold.")
class PauseEnrollmentInput(EnrollmentChoice):
    pass


@strawberry.input(description="Which enrollment goes on.")
class ResumeEnrollmentInput(EnrollmentChoice, Rehearsable):
    pass


@strawberry.input(description="Which enrollment ends now.")
class StopEnrollmentInput(EnrollmentChoice, Rehearsable):
    pass
