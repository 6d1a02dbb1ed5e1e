"""Imports of contacts."""

from datetime import datetime

import strawberry

from api.fields import resolves
from api.types.node import Node
from api.vocabulary import described
from domain.imports import ImportStatus

described(
    ImportStatus,
    description="How far an import is.",
    values={
        ImportStatus.RUNNING: "Its file is being read.",
        ImportStatus.COMPLETED: "All of it was read.",
        ImportStatus.FAILED: "It ended before the file did. What was read is there; read the file again.",
    },
)


@strawberry.type(description="Contacts that came together, as a file or a list.")
class Import(Node):
    status: ImportStatus = strawberry.field(description="How far it is.")
    name: str | None = strawberry.field(description="The name of its file, if it was told.")
    rows: int = strawberry.field(description="Rows that were read so far.")
    created: int = strawberry.field(description="Contacts that are new.")
    updated: int = strawberry.field(description="Contacts that were known and brought up to date.")
    duplicates: int = strawberry.field(
        description="Rows with the address of an earlier row; they were merged."
    )
    suppressed: int = strawberry.field(description="How many of the contacts are on the suppression list.")
    invalid: int = strawberry.field(description="Rows that could not be taken; the others were.")
    bytes_read: float = strawberry.field(description="How much of its file was read; 0 for a list.")
    bytes_total: float | None = strawberry.field(description="How long its file is, if that was told.")
    error: str | None = strawberry.field(description="What ended it, when it failed.")
    created_at: datetime = strawberry.field(description="When it began.")
    updated_at: datetime = strawberry.field(description="When it last went on.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")

    @resolves("Where the rows that could not be taken are downloaded as CSV; null if there are none.")
    def errors_path(self) -> str | None:
        return f"/imports/{self.id()}/errors.csv" if self.invalid else None
