"""Workspaces, and who is asking."""

from datetime import datetime
from typing import Any, Self

import strawberry
from typing_extensions import override

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
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @override
    @classmethod
    def of(cls, row: AnyRow, **derived: object) -> Self:
        return super().of(row, stored_window=row.send_window, **derived)

    @resolves("The window of sequences that have none of their own; null is every hour of every day.")
    def send_window(self) -> SendWindow | None:
        return send_window(self.stored_window)


@strawberry.type(description="The caller.")
class Viewer:
    workspace: Workspace = strawberry.field(description="The workspace that the API key belongs to.")
