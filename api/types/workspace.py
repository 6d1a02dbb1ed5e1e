"""Workspaces, and who is asking."""

from datetime import datetime
from typing import Any, Self

import strawberry
from typing_extensions import override

from api.access_vocabulary import MemberRole, Scope
from api.fields import resolves
from api.scalars import TimeZone
from api.types.node import Node
from api.types.send_window import SendWindow, send_window
from persistence.reading.pages import AnyRow


@strawberry.type(description="Everything that belongs together: its contacts, sequences and mailboxes.")
class Workspace(Node):
    name: str = strawberry.field(description="Its name, for people.")
    zone: TimeZone = strawberry.field(description="The zone whose midnight begins its day.")
    stored_window: strawberry.Private[dict[str, Any] | None]
    sending_paused_at: datetime | None = strawberry.field(
        description="Since when nothing is sent, for all its sequences and mailboxes; null while it sends."
    )
    contact_min_gap_days: int | None = strawberry.field(
        description=(
            "How many days lie at least between emails that one contact gets from different enrollments, by"
            " the days on which their windows open; null is any number. Sequences with a priority above 0 are"
            " left out: their emails neither wait for others nor have others wait."
        )
    )
    version: int = strawberry.field(description="Grows with every change; give it back as `expectedVersion`.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @override
    @classmethod
    def of(cls, row: AnyRow, **derived: object) -> Self:
        return super().of(row, stored_window=row.send_window, **derived)

    @resolves("The window of sequences that have none of their own; null is every hour of every day.")
    def send_window(self) -> SendWindow | None:
        return send_window(self.stored_window)


@strawberry.type(description="The caller: a person who is logged in, or an API key.")
class Viewer:
    name: str = strawberry.field(description="The person's name, or that of the API key.")
    email: str | None = strawberry.field(description="The person's address; null for an API key.")
    avatar_url: str | None = strawberry.field(description="A picture of the person, if there is one.")
    role: MemberRole | None = strawberry.field(
        description="What the person is in the workspace; null for an API key."
    )
    scopes: list[Scope] = strawberry.field(description="What the caller may do.")
    workspace: Workspace = strawberry.field(
        description="The workspace that all of this is in: the API key's, or that of the person's session."
    )
