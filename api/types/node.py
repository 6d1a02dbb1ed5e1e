"""What all things with an id have in common."""

from dataclasses import fields
from typing import Self, TypeVar
from uuid import UUID

import strawberry

from api.fields import resolves
from api.ids import global_id
from persistence.reading.pages import AnyRow

Present = TypeVar("Present")


@strawberry.interface(description="A thing with an id by which `node` finds it again.")
class Node:
    key: strawberry.Private[UUID | int]

    @resolves("The id of this thing, opaque and unique across all kinds of things.")
    def id(self) -> strawberry.ID:
        return global_id(type(self).__name__, self.key)

    @property
    def uuid(self) -> UUID:
        if not isinstance(self.key, UUID):
            raise TypeError(f"{type(self).__name__} {self.key} is numbered")
        return self.key

    @classmethod
    def of(cls, row: AnyRow, **derived: object) -> Self:
        """Make one of *row*: each attribute is *derived*, or taken from the column of its name."""
        columns = row._mapping
        names = [field.name for field in fields(cls) if field.init and field.name != "key"]
        read = {name: columns[name] for name in names if name not in derived}
        return cls(key=columns["id"], **read, **derived)


def present(found: Present | None) -> Present:
    """*found*, where a foreign key promises that there is one."""
    if found is None:
        raise LookupError("a row that a foreign key points to cannot be read")
    return found
