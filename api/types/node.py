"""What all things with an id have in common."""

from typing import Any, Self, TypeVar
from uuid import UUID

import strawberry

from api.fields import resolves
from api.ids import global_id
from persistence.reading.pages import AnyRow

Present = TypeVar("Present")


@strawberry.interface(description="A thing with an id by which `node` finds it again.")
class Node:
    key: strawberry.Private[UUID | int]
    row: strawberry.Private[AnyRow]

    @resolves("The id of this thing, opaque and unique across all kinds of things.")
    def id(self) -> strawberry.ID:
        return global_id(type(self).__name__, self.key)

    @property
    def uuid(self) -> UUID:
        if not isinstance(self.key, UUID):
            raise TypeError(f"{type(self).__name__} {self.key} is numbered")
        return self.key

    # Any: a column's type is known to its statement.
    def __getattr__(self, name: str) -> Any:
        if name == "row":
            raise AttributeError(name)
        return getattr(self.row, name)

    @classmethod
    def of(cls, row: AnyRow, **derived: object) -> Self:
        """
        Make one of *row*: each attribute is *derived*, or the column of its name.

        Columns stay in the row until they are asked for: a list takes a hundred rows of thirty columns, of
        which a request wants a few.
        """
        made = cls.__new__(cls)
        vars(made).update(derived, key=row.id, row=row)
        return made


def present(found: Present | None) -> Present:
    """*found*, where a foreign key promises that there is one."""
    if found is None:
        raise LookupError("a row that a foreign key points to cannot be read")
    return found
