"""Contacts as they are given, one by one or in a list."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import strawberry
from strawberry.scalars import JSON

from api.inputs import values
from api.inputs.custom_fields import custom_fields
from api.inputs.problems import Problems
from api.inputs.rehearsals import Rehearsable
from api.invalid_contacts import InvalidContact
from api.scalars import EmailAddress, TimeZone
from persistence.contacts import ContactCard


@strawberry.input(description="A contact; one whose address is known is brought up to date.")
class ContactInput:
    email: EmailAddress = strawberry.field(description="Their address.")
    first_name: str | None = strawberry.field(default=None, description="Their first name.")
    last_name: str | None = strawberry.field(default=None, description="Their last name.")
    company: str | None = strawberry.field(default=None, description="Where they work.")
    phone: str | None = strawberry.field(default=None, description="Their telephone number.")
    zone: TimeZone | None = strawberry.field(default=None, description="Their own zone.")
    custom_fields: JSON | None = strawberry.field(
        default=None, description="Further fields for templates, by name; they are added to those known."
    )

    def card(self, problems: Problems) -> ContactCard | None:
        """The contact as it is kept; None if a problem was found."""
        known: dict[str, str | None] = {}
        custom: dict[str, object] = {}
        with problems.at("email"):
            known_as = values.address(self.email)
        for column, key in _TEXTS.items():
            with problems.at(key):
                known[column] = values.optional_text(getattr(self, column))
        if self.zone:
            with problems.at("zone"):
                known["zone"] = values.zone(self.zone)
        if self.custom_fields is not None:
            with problems.at("customFields"):
                custom = custom_fields(self.custom_fields)
        if problems.found:
            return None
        return ContactCard(known_as.text, known_as.normalised, **known, custom_fields=custom)


_TEXTS = {"first_name": "firstName", "last_name": "lastName", "company": "company", "phone": "phone"}


@dataclass(slots=True)
class ContactList:
    """Contacts of one input by address, and those that cannot be taken."""

    cards: dict[str, ContactCard] = field(default_factory=dict)
    invalid: list[InvalidContact] = field(default_factory=list)
    duplicates: int = 0

    @property
    def rows(self) -> int:
        return len(self.cards) + self.duplicates + len(self.invalid)

    def add(self, contact: ContactInput, *, line: int | None = None, index: int | None = None) -> None:
        """Read *contact*; of several with one address, the later add to the earlier."""
        problems = Problems()
        card = contact.card(problems)
        if card is None:
            first = problems.found[0]
            self.reject(first.message, line=line, index=index, place=first.path[0], email=contact.email)
        elif known := self.cards.get(card.normalised_email):
            self.duplicates += 1
            self.cards[card.normalised_email] = _merged(known, card)
        else:
            self.cards[card.normalised_email] = card

    def add_all(self, contacts: Iterable[ContactInput]) -> None:
        for index, contact in enumerate(contacts):
            self.add(contact, index=index)

    def reject(
        self,
        reason: str,
        *,
        line: int | None = None,
        index: int | None = None,
        place: str | None = None,
        email: str | None = None,
    ) -> None:
        self.invalid.append(
            InvalidContact(line=line, index=index, field=place, email=email and email[:320], reason=reason)
        )


def _merged(known: ContactCard, later: ContactCard) -> ContactCard:
    newest = {
        each.name: getattr(later, each.name) or getattr(known, each.name)
        for each in fields(ContactCard)
        if each.name != "custom_fields"
    }
    return ContactCard(**newest, custom_fields={**known.custom_fields, **later.custom_fields})


@strawberry.input(description="Contacts to add or bring up to date, as CSV, as a list, or both.")
class ImportContactsInput(Rehearsable):
    csv: str | None = strawberry.field(
        default=None,
        description=(
            "Text of a CSV file with a header line: email, first_name, last_name, company, phone, zone; "
            "any other column becomes a custom field. Commas, semicolons or tabs."
        ),
    )
    contacts: list[ContactInput] = strawberry.field(default_factory=list, description="A list of contacts.")


@strawberry.input(description="What to change about a contact; what is left out stays.")
class UpdateContactInput(Rehearsable):
    contact_id: strawberry.ID = strawberry.field(description="The contact.")
    first_name: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Their first name.")
    last_name: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Their last name.")
    company: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Where they work.")
    phone: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="Their telephone number."
    )
    zone: strawberry.Maybe[TimeZone | None] = strawberry.field(default=None, description="Their own zone.")
    custom_fields: strawberry.Maybe[JSON] = strawberry.field(
        default=None, description="All further fields for templates; those left out are dropped."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the contact is not at this version."
    )

    def changes(self, problems: Problems) -> dict[str, object]:
        """What changes, by column."""
        columns: dict[str, object] = {}
        for column, key in _TEXTS.items():
            if given := getattr(self, column):
                with problems.at(key):
                    columns[column] = values.optional_text(given.value)
        if self.zone:
            with problems.at("zone"):
                columns["zone"] = values.zone(self.zone.value) if self.zone.value else None
        if self.custom_fields:
            with problems.at("customFields"):
                columns["custom_fields"] = custom_fields(self.custom_fields.value)
        return columns


@strawberry.input(description="A contact to delete.")
class DeleteContactInput(Rehearsable):
    contact_id: strawberry.ID = strawberry.field(description="The contact.")
    suppress: bool = strawberry.field(
        default=True,
        description=(
            "Keep a keyed hash of the address on the suppression list, so that nobody writes to it who has"
            " it still, or imports it again. False forgets it altogether, unless it is on the list already."
        ),
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the contact is not at this version."
    )
