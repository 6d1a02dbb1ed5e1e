"""Contacts that could not be taken."""

import strawberry


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
