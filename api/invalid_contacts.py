"""Contacts that could not be taken."""

from collections.abc import Iterable

import strawberry

from persistence.contact_imports import RejectedRow


@strawberry.type(description="A contact that could not be taken, while the others were.")
class InvalidContact:
    line: int | None = strawberry.field(
        description="The line of the CSV text on which it ends, counted from 1; null if it came in a list."
    )
    index: int | None = strawberry.field(
        description="The place in the list, counted from 0; null if it came by CSV."
    )
    email: str | None = strawberry.field(description="Its address as given.")
    field: str | None = strawberry.field(description="What is wrong with it; null for the row as a whole.")
    reason: str = strawberry.field(description="Why it cannot be taken.")


def rejected_rows(invalid: Iterable[InvalidContact]) -> list[RejectedRow]:
    """As an import keeps them; those of a list count their lines from 1, like a file."""
    return [
        RejectedRow(
            row.line if row.line is not None else (row.index or 0) + 1, row.field, row.email, row.reason
        )
        for row in invalid
    ]
