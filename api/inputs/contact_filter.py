"""Contacts by what they have in common."""

from collections.abc import Iterator
from datetime import datetime

import strawberry

from api.errors import BadUserInput
from api.ids import optional_uuid_of
from api.loaders import Loaders
from api.scalars import EmailAddress
from api.wanted import wanted
from domain.addresses import InvalidAddress, normalised
from domain.ids import WorkspaceId
from domain.lifecycle import ContactStatus
from persistence.reading.contacts import contacts_where
from persistence.reading.pages import AnySelect


@strawberry.input(description="Which contacts; every condition that is given must hold.")
class ContactFilter:
    status: list[ContactStatus] | None = strawberry.field(
        default=None, description="In one of these states; all but deleted ones by default."
    )
    search: str | None = strawberry.field(
        default=None,
        description=(
            "With this text in the address, the name or the company, in any case; for a search box, as every"
            " contact is looked at until the page is full."
        ),
    )
    email: EmailAddress | None = strawberry.field(default=None, description="With this address, in any case.")
    domain: str | None = strawberry.field(
        default=None, description="With an address of this domain, without its subdomains."
    )
    import_id: strawberry.ID | None = strawberry.field(
        default=None, description="Added, or last brought up to date, by this import."
    )
    enrolled_in_id: strawberry.ID | None = strawberry.field(
        default=None, description="Enrolled in this sequence, now or before."
    )
    not_enrolled_in_id: strawberry.ID | None = strawberry.field(
        default=None, description="Never enrolled in this sequence."
    )
    is_suppressed: bool | None = strawberry.field(
        default=None, description="With an address on the suppression list, or with none there."
    )
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")

    def ids(self) -> Iterator[tuple[str, str, str]]:
        """The ids that it has: the field, the kind of thing that it names, and the id."""
        for field, kind, text in (
            ("importId", "Import", self.import_id),
            ("enrolledInId", "Sequence", self.enrolled_in_id),
            ("notEnrolledInId", "Sequence", self.not_enrolled_in_id),
        ):
            if text is not None:
                yield field, kind, text

    async def check_ids(self, loaders: Loaders) -> None:
        """
        See that there is what it names: of what is not here nobody ever was, and that would be everyone.

        Raises:
            NotFound, MalformedId: There is not.
        """
        for _, kind, text in self.ids():
            loader = loaders.imports if kind == "Import" else loaders.sequences
            await wanted(loader, kind, text)

    def rows(self, workspace_id: WorkspaceId) -> AnySelect:
        """The contacts that it is about."""
        return contacts_where(
            workspace_id,
            statuses=self.status,
            search=self.search,
            normalised_email=normalised_or_refused(self.email),
            domain=None if self.domain is None else self.domain.strip().lower(),
            import_id=optional_uuid_of("Import", self.import_id),
            enrolled_in=optional_uuid_of("Sequence", self.enrolled_in_id),
            not_enrolled_in=optional_uuid_of("Sequence", self.not_enrolled_in_id),
            is_suppressed=self.is_suppressed,
            updated_since=self.updated_since,
        )


def normalised_or_refused(address: EmailAddress | None) -> str | None:
    if address is None:
        return None
    try:
        return normalised(address)
    except InvalidAddress as error:
        raise BadUserInput(error.reason) from None
