"""The mailboxes of a sequence as they are given."""

import strawberry

from api.inputs.rehearsals import Rehearsable


@strawberry.input(description="Mailboxes that may send a sequence from now on.")
class LinkMailboxesInput(Rehearsable):
    sequence_id: strawberry.ID = strawberry.field(description="The sequence.")
    mailbox_ids: list[strawberry.ID] = strawberry.field(description="The mailboxes.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the sequence is not at this version."
    )


@strawberry.input(description="Mailboxes that send a sequence no longer.")
class UnlinkMailboxesInput(Rehearsable):
    sequence_id: strawberry.ID = strawberry.field(description="The sequence.")
    mailbox_ids: list[strawberry.ID] = strawberry.field(description="The mailboxes.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the sequence is not at this version."
    )
